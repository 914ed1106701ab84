import { EncodingError } from "./bytes.js";
import type { RequestId } from "./messages/common.js";

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
export const UUID_BYTES = 16;

/** The 16 bytes of a request id, in the order of its digits. Throws EncodingError `uuid` for any text but a lower-case UUID. */
export function uuidToBytes(id: RequestId): Uint8Array {
  const bytes = new Uint8Array(UUID_BYTES);
  writeUuid(id, bytes, 0);
  return bytes;
}

/** Writes the 16 bytes of a request id into `into` at `offset`. Throws as `uuidToBytes` does. */
export function writeUuid(id: RequestId, into: Uint8Array, offset: number): void {
  if (!canonicalUuid.test(id)) throw new EncodingError("uuid");
  let at = 0;
  for (let i = 0; i < UUID_BYTES; i++) {
    if (at === 8 || at === 13 || at === 18 || at === 23) at++;
    into[offset + i] = Number.parseInt(id.slice(at, at + 2), 16);
    at += 2;
  }
}

/**
 * The request id of 16 bytes, in lower case. Throws EncodingError `uuid` for another length. The version digit is not
 * checked: bytes from the wire name a request only if one with that id exists.
 */
export function bytesToUuid(bytes: Uint8Array): RequestId {
  if (bytes.length !== UUID_BYTES) throw new EncodingError("uuid");
  let text = "";
  for (let i = 0; i < UUID_BYTES; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += hexOfByte[bytes[i] ?? 0];
  }
  return text as RequestId;
}
