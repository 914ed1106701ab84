import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { StoreLayout } from "./store-layout.js";

/** Where what is taken away lies until it is deleted. */
type Removals = Pick<StoreLayout, "removed">;

/**
 * Makes a complete folder the model, in one step: whenever the process is killed, the place holds all of the old, all of the new, or nothing
 * while the new is still complete where it was.
 *
 * @param from complete folder on the same file system
 * @param to where the model is to be
 */
export async function publishFolder(layout: Removals, from: string, to: string): Promise<void> {
  await syncTree(from);
  await mkdir(path.dirname(to), { recursive: true });
  await moveAside(layout, to);
  await rename(from, to);
  await syncFolder(path.dirname(to));
  await sweep(layout);
}

/** Takes a folder out of the store in one step, and then deletes it. */
export async function removeFolder(layout: Removals, folder: string): Promise<void> {
  await moveAside(layout, folder);
  await sweep(layout);
}

async function moveAside({ removed }: Removals, folder: string): Promise<void> {
  await mkdir(removed, { recursive: true });
  try {
    await rename(folder, path.join(removed, randomUUID()));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Also what an earlier process was killed over. */
async function sweep({ removed }: Removals): Promise<void> {
  await rm(removed, { recursive: true, force: true });
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const location = path.join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(location);
    else await syncFile(location);
  }
  await syncFolder(folder);
}

async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Windows opens no folders; there the file system orders renames itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
