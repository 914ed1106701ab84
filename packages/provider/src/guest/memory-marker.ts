import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

const marker = z.object({
  pid: z.int(),
  at: z.iso.datetime(),
  available_bytes: z.number(),
  total_bytes: z.number(),
  /** Builds in memory then. */
  models: z.array(z.string()),
});
export type MemoryMarker = z.infer<typeof marker>;

/**
 * Says to the next start that memory was running out when this one ended: written when it becomes critical, taken away when there is enough again
 * or the provider ends as it should. A system that kills for want of memory leaves no time to write anything.
 */
export interface MemoryMarkerFile {
  write(found: MemoryMarker): Promise<void>;
  clear(): Promise<void>;
  /** What another start has left; what cannot be read is nothing. */
  read(): Promise<MemoryMarker | undefined>;
}

export function createMemoryMarker(home: string): MemoryMarkerFile {
  const file = path.join(home, "oom-marker.json");
  return {
    async write(found) {
      await mkdir(home, { recursive: true, mode: 0o700 });
      await writeFile(`${file}.new`, `${JSON.stringify(found)}\n`, { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
    clear: () => rm(file, { force: true }),
    async read() {
      try {
        return marker.parse(JSON.parse(await readFile(file, "utf8")));
      } catch {
        return undefined;
      }
    },
  };
}
