import type { Clock } from "@umbel/protocol";

/** Resolves after so long. @throws the signal's reason as soon as it is aborted */
export function wait(clock: Clock, wait_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.setTimer(wait_ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}
