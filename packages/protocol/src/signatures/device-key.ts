import { type CryptoKey, calculateJwkThumbprint, exportJWK, exportPKCS8, generateKeyPair, importPKCS8 } from "jose";
import { type DeviceKey, deviceKey } from "../messages/common.js";
import { SignatureError } from "./errors.js";

/** The key that is a machine's identity (P-256, ES256). It signs, and does nothing else. */
export interface DeviceKeyPair {
  /** Public part, as in `register.device_key`. */
  readonly publicJwk: DeviceKey;
  readonly privateKey: CryptoKey;
  /** The private key as PKCS #8 in PEM, for the key file. */
  exportPkcs8(): Promise<string>;
}

/** Draws a new device key. */
export async function generateDeviceKey(): Promise<DeviceKeyPair> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return deviceKeyPair(privateKey);
}

/** Reads a device key from PKCS #8 in PEM. Throws SignatureError `invalid_key` for anything but a P-256 private key. */
export async function importDeviceKey(pkcs8Pem: string): Promise<DeviceKeyPair> {
  let privateKey: CryptoKey;
  try {
    privateKey = await importPKCS8(pkcs8Pem, "ES256", { extractable: true });
  } catch {
    // The library's error could quote the file.
    throw new SignatureError("invalid_key");
  }
  return deviceKeyPair(privateKey);
}

/** Stable id of a machine: the RFC 7638 thumbprint of its device key, base64url. Throws SignatureError `invalid_key`. */
export async function deviceThumbprint(publicJwk: DeviceKey): Promise<string> {
  if (!deviceKey.safeParse(publicJwk).success) throw new SignatureError("invalid_key");
  return calculateJwkThumbprint(publicJwk, "sha256");
}

async function deviceKeyPair(privateKey: CryptoKey): Promise<DeviceKeyPair> {
  // The schema keeps the public members only.
  const publicJwk = deviceKey.parse(await exportJWK(privateKey));
  return { publicJwk, privateKey, exportPkcs8: () => exportPKCS8(privateKey) };
}
