import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { BackupError, type SealedFile } from "./types.js";

/** Keys, secrets and the spill file are far smaller; what is larger belongs to something else, such as a log. */
const FILE_bytes_max = 16 * 1024 * 1024;
/** Of a process that runs, or on the way. */
const TRANSIENT = /(?:\.(?:log|pid|sock|part|lock|tmp)|\.[0-9a-f]{12})$/;

export interface HomeFile {
  readonly name: string;
  readonly content: Buffer;
}

/** What lies in a coordinator's home itself: its keys, its secrets, settlements on their way. Its folders (database, models) are not read. */
export async function* homeFiles(home: string): AsyncGenerator<HomeFile> {
  const entries = await readdir(home, { withFileTypes: true });
  for (const { name } of entries
    .filter((entry) => entry.isFile() && !TRANSIENT.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(home, name);
    if ((await stat(file)).size <= FILE_bytes_max) yield { name, content: await readFile(file) };
  }
}

export function sealOf({ name, content }: HomeFile): SealedFile {
  return { name, sha256: createHash("sha256").update(content).digest("hex") };
}

/** @throws BackupError when a file is there already with something else in it */
export async function refuseOtherFiles(home: string, files: readonly HomeFile[]): Promise<void> {
  for (const { name, content } of files) {
    if (name !== path.basename(name) || name.startsWith("."))
      throw new BackupError(`the backup names a file that is none of a home: ${name}`);
    const there = await readFile(path.join(home, name)).catch(() => undefined);
    if (there !== undefined && !there.equals(content))
      throw new BackupError(`${path.join(home, name)} is there already, and is another one`);
  }
}

/** For their owner alone. */
export async function writeHomeFiles(home: string, files: readonly HomeFile[]): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
  for (const { name, content } of files) await writeFile(path.join(home, name), content, { mode: 0o600 });
}
