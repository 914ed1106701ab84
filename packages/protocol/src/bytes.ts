import { bytesToHex, concatBytes as concat, hexToBytes } from "@noble/hashes/utils.js";
import { base64 } from "./messages/common.js";

/** Text that does not decode as its encoding says. Never holds the text itself. */
export class EncodingError extends Error {
  override readonly name = "EncodingError";
  constructor(readonly code: "base64" | "hex" | "utf8" | "uuid" | "json") {
    super(`not valid ${code}`);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Arguments that one call of `String.fromCharCode` safely takes. */
const charCodes_max = 8192;

/** Standard base64 with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let start = 0; start < bytes.length; start += charCodes_max) {
    binary += String.fromCharCode(...bytes.subarray(start, start + charCodes_max));
  }
  return btoa(binary);
}

/** Decodes standard base64 with padding. Throws EncodingError `base64` for anything else, white space included. */
export function fromBase64(text: string): Uint8Array {
  if (!base64.safeParse(text).success) throw new EncodingError("base64");
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return bytesToHex(bytes);
}

/** Decodes hex of either case. Throws EncodingError `hex` for odd lengths and other characters. */
export function fromHex(text: string): Uint8Array {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(text)) throw new EncodingError("hex");
  return hexToBytes(text);
}

/** One new array with the bytes of all parts, in order. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  return concat(...parts);
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8. Throws EncodingError `utf8` for malformed input instead of replacing it. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new EncodingError("utf8");
  }
}
