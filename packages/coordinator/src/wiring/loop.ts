import type { Clock } from "@umbel/protocol";

/**
 * Runs a task again and again, `interval_ms` after it has ended, so that runs never overlap. A failure is told and does not end the loop.
 *
 * @returns what stops the loop and waits for a run that is under way
 */
export function startLoop(
  clock: Clock,
  interval_ms: number,
  task: () => Promise<void>,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let cancel = clock.setTimer(interval_ms, run, "background");

  function run(): void {
    running = task()
      .catch(onFailure)
      .then(() => {
        if (!stopped) cancel = clock.setTimer(interval_ms, run, "background");
      });
  }

  return async () => {
    stopped = true;
    cancel();
    await running;
  };
}
