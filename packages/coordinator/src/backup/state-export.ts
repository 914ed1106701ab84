import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import type { BackupReport } from "./types.js";
import { type BackupSource, writeBackup } from "./write-backup.js";

/** An export that is whole, waiting to be sent. */
interface StagedState extends BackupReport {
  readonly file: string;
  readonly size_bytes: number;
  /** Removes it. */
  dispose(): Promise<void>;
}

/**
 * Stages everything that a coordinator consists of, encrypted, in a directory that nobody else may read.
 *
 * @returns does it; throws when any of it cannot be had, and then nothing is left
 */
export function createStateExport(
  source: Omit<BackupSource, "at"> & { readonly clock: Clock },
  recipients: readonly string[],
): () => Promise<StagedState> {
  const { clock, ...parts } = source;
  return async () => {
    // 0700, by mkdtemp.
    const directory = await mkdtemp(path.join(tmpdir(), "umbel-state-"));
    const dispose = () => rm(directory, { recursive: true, force: true });
    try {
      const file = path.join(directory, "state");
      return { ...(await writeBackup(file, { ...parts, at: clock.date() }, { recipients })), file, dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  };
}
