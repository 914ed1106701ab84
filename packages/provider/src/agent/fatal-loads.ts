import type { LoadFailure } from "../worker/pipe-messages.js";

/** So many workers may end while they load a model before it is left out. The first may have had another reason. */
export const FATAL_LOADS_MAX = 2;

/**
 * Models whose loading ends the worker: by a fault in native code, or because the system takes a process that asks for too much memory. One
 * such model would keep every worker from serving the others, so it is left out until the agent starts anew.
 */
export interface FatalLoads {
  /** What the worker loads now; undefined is nothing. */
  loading(build: string | undefined): void;
  /** Returns the build that is left out from now on, if this was once too often. */
  workerEnded(signal: NodeJS.Signals | null): string | undefined;
  isLeftOut(build: string): boolean;
  failures(): LoadFailure[];
}

export function createFatalLoads(): FatalLoads {
  const ends = new Map<string, { count: number; code: LoadFailure["code"] }>();
  let current: string | undefined;
  const isLeftOut = (build: string): boolean => (ends.get(build)?.count ?? 0) >= FATAL_LOADS_MAX;

  return {
    loading(build) {
      // It came through: what ended the worker before had another reason.
      if (build === undefined && current !== undefined) ends.delete(current);
      current = build;
    },
    workerEnded(signal) {
      const build = current;
      current = undefined;
      if (build === undefined) return undefined;
      // Systems that run out of memory end a process with this signal, which no fault of its own does.
      const code = signal === "SIGKILL" ? "load_failed_memory" : "engine_crash";
      ends.set(build, { count: (ends.get(build)?.count ?? 0) + 1, code });
      return isLeftOut(build) ? build : undefined;
    },
    isLeftOut,
    failures: () =>
      [...ends]
        .filter(([build]) => isLeftOut(build))
        .map(([build, { code }]) => ({ build, code, message: `loading it ended the worker ${FATAL_LOADS_MAX} times` })),
  };
}
