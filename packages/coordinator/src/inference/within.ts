import type { Clock } from "@umbel/protocol";

/** The value of `work`, or undefined when it takes longer than `limit_ms`; `work` then goes on by itself. */
export function within<Value>(work: Promise<Value>, limit_ms: number, clock: Clock): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimer(limit_ms, () => resolve(undefined));
    work.then(resolve, reject).finally(cancel);
  });
}
