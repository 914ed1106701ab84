import type { CatalogAdmin } from "../types.js";
import type { FileCheck } from "./file-check.js";

export interface Verification {
  /** There is a version whose files are to be read; returns at once. */
  begin(): void;
  /** Reads the files of every version that waits for it, one after another. What was cut off before begins anew. */
  run(): Promise<void>;
  /** Ends what is being read. Resolves when nothing runs any more. */
  close(): Promise<void>;
}

/** Reads all files of versions that were registered for it, and tells the catalogue what became of it. Source: catalog.md §5. */
export function createVerification({
  catalog,
  readFiles,
  onFailed,
}: {
  readonly catalog: Pick<CatalogAdmin, "unverified" | "verified">;
  /** Reads and hashes every file. */
  readonly readFiles: FileCheck;
  /** It could not be told whether files are what they should be, or the catalogue does not take it; the next run tries again. */
  readonly onFailed: (error: unknown) => void;
}): Verification {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let isAskedAgain = false;

  async function readAll(): Promise<void> {
    do {
      isAskedAgain = false;
      for (const { manifest, sources } of await catalog.unverified()) {
        const [problem] = await readFiles(manifest, sources, stop.signal);
        if (stop.signal.aborted) return;
        await catalog.verified(manifest.model_id, manifest.version, problem && `${problem.path}: ${problem.problem}`);
      }
    } while (isAskedAgain && !stop.signal.aborted);
  }

  function run(): Promise<void> {
    isAskedAgain = true;
    running ??= readAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    run,
    begin: () => void run().catch(onFailed),
    async close() {
      stop.abort(new Error("the coordinator stops"));
      await running?.catch(() => undefined);
    },
  };
}
