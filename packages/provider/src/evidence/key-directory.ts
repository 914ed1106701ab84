import { chmod, mkdir, stat } from "node:fs/promises";
import path from "node:path";

const othersMayWrite = 0o022;
const othersMayDoAnything = 0o077;
/** Windows has no such modes; there the folder lies in the user's own profile. */
const hasModes = process.platform !== "win32";

export class KeyDirectoryError extends Error {
  override readonly name = "KeyDirectoryError";
  constructor(
    /** `key_exposed`: others on this machine can write to the folder, so its key may be theirs. */
    readonly code: "key_exposed" | "key_unwritable",
    options?: ErrorOptions,
  ) {
    super(`key folder refused: ${code}`, options);
  }
}

/** Where the worker keeps the device key. The agent knows the name so that it can grant writing for the first start only. */
export function keyFileIn(keyDirectory: string): string {
  return path.join(keyDirectory, "device.pem");
}

/**
 * Makes the folder for keys, mode 0700. One that shows its names to others is closed to them; one that others can write to is refused.
 *
 * @returns whether there is a key already; nothing of it is read
 * @throws KeyDirectoryError
 */
export async function prepareKeyDirectory(keyDirectory: string): Promise<{ readonly hasKey: boolean }> {
  try {
    await mkdir(keyDirectory, { recursive: true, mode: 0o700 });
    const { mode } = await stat(keyDirectory);
    if (hasModes && (mode & othersMayWrite) !== 0) throw new KeyDirectoryError("key_exposed");
    if (hasModes && (mode & othersMayDoAnything) !== 0) await chmod(keyDirectory, 0o700);
  } catch (error) {
    throw error instanceof KeyDirectoryError ? error : new KeyDirectoryError("key_unwritable", { cause: error });
  }
  return { hasKey: (await stat(keyFileIn(keyDirectory)).catch(() => undefined)) !== undefined };
}
