import path from "node:path";
import { type DeviceKeyPair, fromUtf8, generateDeviceKey, importDeviceKey, utf8 } from "@umbel/protocol";
import { keptFile } from "./secret-file.js";

/** The key that says which coordinator this is: it signs the keys of sealed mode, and the sessions that it accepts. Made on first use. */
export async function ownIdentity(home: string): Promise<DeviceKeyPair> {
  const pem = await keptFile(path.join(home, "coordinator-identity.pem"), async () =>
    utf8(await (await generateDeviceKey()).exportPkcs8()),
  );
  return importDeviceKey(fromUtf8(pem));
}
