import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

/** `null` is until further notice: JSON has no infinity. */
const pauseRecord = z.strictObject({ until: z.iso.datetime().nullable() });

/** Keeps over restarts that the owner has paused the machine: what was paused by hand is not resumed by a reboot. */
export interface PauseFile {
  /** Milliseconds of the epoch; 0 is not at all, infinite is until further notice. A file that cannot be read counts as the latter. */
  read(): Promise<number>;
  write(until_ms: number): Promise<void>;
}

export function createPauseFile(home: string): PauseFile {
  const file = path.join(home, "pause.json");
  return {
    async read() {
      try {
        const { until } = pauseRecord.parse(JSON.parse(await readFile(file, "utf8")));
        return until === null ? Number.POSITIVE_INFINITY : Date.parse(until);
      } catch (error) {
        const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
        return isMissing ? 0 : Number.POSITIVE_INFINITY;
      }
    },
    async write(until_ms) {
      if (until_ms <= 0) {
        await rm(file, { force: true });
        return;
      }
      await mkdir(home, { recursive: true, mode: 0o700 });
      const until = Number.isFinite(until_ms) ? new Date(until_ms).toISOString() : null;
      await writeFile(`${file}.new`, `${JSON.stringify({ until })}\n`, { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}
