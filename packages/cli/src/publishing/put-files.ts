import { constants } from "node:fs";
import { copyFile, mkdir, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "@umbel/protocol";

/**
 * Puts a version's files where a coordinator or a web server hands them out, as `<to>/<prefix>/<path>`; what is there already in its size is
 * left. The manifest comes last: where it is, everything is.
 *
 * @returns the files that were copied
 */
export async function putFiles(manifest: Manifest, from: string, to: string): Promise<number> {
  const target = path.join(to, ...manifest.prefix.split("/"));
  let copied = 0;
  for (const file of manifest.files) {
    const [source, destination] = [from, target].map((directory) => path.join(directory, ...file.path.split("/"))) as [string, string];
    if ((await sizeOf(destination)) === file.size_bytes) continue;
    await mkdir(path.dirname(destination), { recursive: true });
    const draft = `${destination}.part`;
    await copyFile(source, draft, constants.COPYFILE_FICLONE);
    await rename(draft, destination);
    copied += 1;
  }
  await writeFile(path.join(target, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return copied;
}

async function sizeOf(location: string): Promise<number | undefined> {
  try {
    return (await stat(location)).size;
  } catch {
    // Whatever cannot be looked at is written anew.
    return undefined;
  }
}
