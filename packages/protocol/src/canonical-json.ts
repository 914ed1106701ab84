import canonicalize from "canonicalize";
import { EncodingError } from "./bytes.js";

/**
 * Canonical JSON (RFC 8785): sorted keys, shortest numbers, no white space, so that equal values give equal bytes.
 * Properties that are `undefined` are left out, as in `JSON.stringify`.
 *
 * @throws EncodingError `json` for what JSON cannot carry: `undefined`, NaN, infinities, big integers, functions, symbols, lone surrogates,
 *   cycles.
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch {
    // The library's messages may quote the value.
    throw new EncodingError("json");
  }
  if (text === undefined || !isJson(value)) throw new EncodingError("json");
  return text;
}

/** The library writes `null`, or nothing at all, for some values that are not JSON; cycles it has refused already. */
function isJson(value: unknown): boolean {
  if (typeof value === "string") return isWellFormed(value);
  if (typeof value !== "object") return typeof value === "number" || typeof value === "boolean";
  if (value === null) return true;
  if ("toJSON" in value && typeof value.toJSON === "function") return isJson(value.toJSON());
  if (Array.isArray(value)) return Array.from(value).every(isJson);
  return Object.entries(value).every(([key, member]) => member === undefined || (isWellFormed(key) && isJson(member)));
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
