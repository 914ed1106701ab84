import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import { isAlive } from "./staging-lock.js";
import type { StoreLayout } from "./store-layout.js";

const inUse = z.object({ pid: z.number().int().positive(), models: z.array(z.string()) });

/** Tells other processes which models this one holds in memory; an empty list takes the word back. */
export async function holdModels({ root, inUse: file }: StoreLayout, models: readonly string[]): Promise<void> {
  if (models.length === 0) return rm(file, { force: true });
  await mkdir(root, { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, models }), { mode: 0o600 });
  await rename(draft, file);
}

/** Whether a process that lives holds the model in memory. */
export async function isHeld(layout: StoreLayout, id: string): Promise<boolean> {
  return (await heldModels(layout)).includes(id);
}

async function heldModels({ inUse: file }: StoreLayout): Promise<readonly string[]> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  try {
    const { pid, models } = inUse.parse(JSON.parse(text));
    return isAlive(pid) ? models : [];
  } catch {
    // A note that cannot be read is none: the worker verifies what it loads in any case.
    return [];
  }
}
