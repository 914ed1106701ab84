import { randomUUID } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { type CatalogKeys, catalogKeys, type DeviceKey, type DeviceKeyPair, deviceThumbprint, importDeviceKey } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Public keys of whoever makes releases, by their thumbprints, as an installation pins them. */
export async function namedKeys(keys: readonly DeviceKey[]): Promise<CatalogKeys> {
  return { keys: await Promise.all(keys.map(async (jwk) => ({ kid: await deviceThumbprint(jwk), jwk }))) };
}

/** @throws CliError (verification) for a file that holds none: nothing may pass for a pin */
export async function readReleaseKeys(file: string): Promise<readonly DeviceKey[]> {
  try {
    return catalogKeys.parse(JSON.parse(await readFile(file, "utf8"))).keys.map(({ jwk }) => jwk);
  } catch (cause) {
    throw new CliError(
      `${file} holds no public keys of whoever makes releases.`,
      EXIT_CODES.verification,
      "Get it from there, by a way that you trust; umbel admin releases key writes it beside the private key.",
      { cause },
    );
  }
}

/** In one step, so that a pin is never half written. */
export async function writeReleaseKeys(file: string, keys: readonly DeviceKey[]): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(await namedKeys(keys), undefined, 2)}\n`, { mode: 0o644 });
  await rename(draft, file);
}

/** @throws CliError for a file that holds no private key */
export async function readPrivateKey(file: string): Promise<DeviceKeyPair> {
  try {
    return await importDeviceKey(await readFile(file, "utf8"));
  } catch (cause) {
    throw new CliError(`${file} holds no key that makes releases.`, EXIT_CODES.usage, "Make one: umbel admin releases key <file>.", {
      cause,
    });
  }
}
