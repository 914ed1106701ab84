import { randomUUID } from "node:crypto";
import { link, open, readFile, rm, stat } from "node:fs/promises";
import { type DeviceKeyPair, generateDeviceKey, importDeviceKey, SignatureError } from "@umbel/protocol";

const othersMayDoAnything = 0o077;
/** A P-256 key in PKCS #8 PEM takes 241 bytes. */
const keyFile_bytes_max = 4096;
/** Windows has no such modes; there the file lies in the user's own profile. */
const hasModes = process.platform !== "win32";

/**
 * `key_exposed`: others on this machine could read or replace the key. It is refused and not repaired, because a secret that may have been
 * read stays read: the operator decides whether to trust it (`chmod 600`) or to delete it and become a new machine.
 */
export type KeyErrorCode = "key_exposed" | "key_invalid" | "key_unwritable";

export class KeyError extends Error {
  override readonly name = "KeyError";
  constructor(
    readonly code: KeyErrorCode,
    options?: ErrorOptions,
  ) {
    super(`device key refused: ${code}`, options);
  }
}

/**
 * The device key of this machine, from a PEM file in an existing folder; created there, mode 0600, when there is none.
 *
 * @throws KeyError
 */
export async function loadOrCreateDeviceKey(file: string): Promise<DeviceKeyPair> {
  if ((await stat(file).catch(() => undefined)) === undefined) await createKeyFile(file);
  return readKeyFile(file);
}

/** The file appears whole or not at all, and never over one that another process has made meanwhile. */
async function createKeyFile(file: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    const pem = await (await generateDeviceKey()).exportPkcs8();
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(pem);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file).catch(unlessItExists);
  } catch (error) {
    throw new KeyError("key_unwritable", { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}

function unlessItExists(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
}

async function readKeyFile(file: string): Promise<DeviceKeyPair> {
  const { mode, size } = await stat(file);
  if (hasModes && (mode & othersMayDoAnything) !== 0) throw new KeyError("key_exposed");
  if (size > keyFile_bytes_max) throw new KeyError("key_invalid");
  try {
    return await importDeviceKey(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof SignatureError) throw new KeyError("key_invalid");
    throw new KeyError("key_unwritable", { cause: error });
  }
}
