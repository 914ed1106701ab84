import type { Clock } from "@umbel/protocol";

/** Waits for something, but not longer than this. */
export async function within(clock: Clock, wait_ms: number, done: Promise<unknown>): Promise<void> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<void>((resolve) => {
    cancel = clock.setTimer(wait_ms, resolve);
  });
  await Promise.race([done, timeout]);
  cancel();
}
