import path from "node:path";
import { type DeviceKeyPair, fromUtf8, generateDeviceKey, importDeviceKey, utf8 } from "@umbel/protocol";
import { keptFile } from "./secret-file.js";

/** The key that says which coordinator this is: it signs the keys of sealed mode, and the sessions that it accepts. Made on first use. */
export function ownIdentity(home: string): Promise<DeviceKeyPair> {
  return keptKey(path.join(home, "coordinator-identity.pem"));
}

/** The key that manifests are signed with, apart from the identity, because machines pin it for as long as the catalogue lives. */
export function catalogKey(home: string): Promise<DeviceKeyPair> {
  return keptKey(path.join(home, "catalog-key.pem"));
}

async function keptKey(file: string): Promise<DeviceKeyPair> {
  const pem = await keptFile(file, async () => utf8(await (await generateDeviceKey()).exportPkcs8()));
  return importDeviceKey(fromUtf8(pem));
}
