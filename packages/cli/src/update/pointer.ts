import { randomUUID } from "node:crypto";
import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { RELEASE_VERSION } from "@umbel/protocol";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { InstallationPlaces } from "./layout.js";

const version = z.string().regex(RELEASE_VERSION);

/** Which version of an installation runs. The launcher reads it at every start, and goes back by itself. */
const pointer = z.object({
  version,
  /** To go back to; null where there is none. */
  previous: version.nullable(),
  /** `trying`: not seen to come up yet. */
  state: z.enum(["trying", "kept"]),
  /** How often it was started while it was tried. */
  starts: z.int().nonnegative(),
  /** The last one that was given up. */
  failed: z.object({ version, why: z.string(), at: z.iso.datetime() }).nullable(),
});
export type Pointer = z.infer<typeof pointer>;

/** @throws CliError (configuration) */
export async function readPointer({ pointer: file }: InstallationPlaces): Promise<Pointer> {
  try {
    return pointer.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    throw new CliError(
      `${file} does not say which version to run.`,
      EXIT_CODES.configuration,
      "Restore it, or install anew: umbel provider update --into <directory>.",
      { cause },
    );
  }
}

/** In one step: whenever the power fails, it names the version before or the one after. */
export async function writePointer({ pointer: file, root }: InstallationPlaces, next: Pointer): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  const handle = await open(draft, "wx", 0o644);
  try {
    await handle.writeFile(`${JSON.stringify(pointer.parse(next), undefined, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  // Windows opens no folders; there the file system orders renames itself.
  if (process.platform === "win32") return;
  const folder = await open(path.resolve(root), "r");
  await folder.sync().finally(() => folder.close());
}
