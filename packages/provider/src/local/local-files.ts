import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

const KEY_PREFIX = "umbel-local-";
const key_bytes = 32;
/** Below the provider's home. */
export const KEY_FILE = "local-token";
const RECORD_FILE = "local.json";

/** Bits of a mode that let others in. */
const OTHERS = 0o077;

/** The key file cannot be relied on; the message says what to do. */
export class LocalKeyError extends Error {
  override readonly name = "LocalKeyError";
}

/**
 * The key of the local endpoint, made at the first time and kept.
 *
 * @throws LocalKeyError when others can read the file, or it holds no key
 */
export async function localKey(home: string): Promise<string> {
  const file = path.join(home, KEY_FILE);
  const kept = await keptKey(file);
  if (kept !== undefined) return kept;
  await mkdir(home, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${KEY_PREFIX}${randomBytes(key_bytes).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    // Fails if somebody else was faster: then theirs is the key.
    await link(draft, file);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const made = await keptKey(file);
  if (made === undefined) throw new LocalKeyError(`The key file ${file} vanished. Start again.`);
  return made;
}

async function keptKey(file: string): Promise<string | undefined> {
  const handle = await open(file, "r").catch((error: unknown) => {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    const { mode } = await handle.stat();
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      throw new LocalKeyError(`Others on this machine can read ${file}. Delete it, and a new key is made; or run chmod 600 on it.`);
    }
    const key = (await handle.readFile("utf8")).trim();
    if (/^umbel-local-[A-Za-z0-9_-]{43}$/.test(key)) return key;
    throw new LocalKeyError(`${file} holds no key. Delete it, and a new one is made.`);
  } finally {
    await handle.close();
  }
}

/** How other programs of this machine find the endpoint while it runs. */
export const discoveryRecord = z.object({
  api_key: z.string().nullable(),
  base_url: z.string(),
  host: z.string(),
  models: z.array(z.string()),
  pid: z.number().int().positive(),
  port: z.number().int(),
  updated_at: z.string(),
  version: z.string(),
});
export type DiscoveryRecord = z.infer<typeof discoveryRecord>;

export async function writeDiscoveryRecord(home: string, record: DiscoveryRecord): Promise<void> {
  const file = path.join(home, RECORD_FILE);
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(record, Object.keys(record).sort(), 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(draft, file);
}

/** The record of an endpoint that runs; one whose process is gone, or that cannot be read, counts as none. */
export async function readDiscoveryRecord(home: string): Promise<DiscoveryRecord | undefined> {
  try {
    const record = discoveryRecord.parse(JSON.parse(await readFile(path.join(home, RECORD_FILE), "utf8")));
    return isAlive(record.pid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Leaves a record that another process has written meanwhile. */
export async function removeDiscoveryRecord(home: string, { pid, port }: Pick<DiscoveryRecord, "pid" | "port">): Promise<void> {
  const record = await readDiscoveryRecord(home);
  if (record?.pid === pid && record.port === port) await rm(path.join(home, RECORD_FILE), { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and another user's.
    return isCode(error, "EPERM");
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
