import { ApiError } from "./canonical/api-error.js";
import { placeOfFault } from "./json-fault.js";

/** Deepest nesting of a request body. Source: api.md §7. */
export const BODY_DEPTH_MAX = 512;

const decoder = new TextDecoder("utf-8", { fatal: true });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;

/**
 * A request body as JSON. The messages never quote the body: it holds someone's prompt.
 *
 * @throws ApiError 400 unless it is one UTF-8 JSON object, nested at most `BODY_DEPTH_MAX` deep, that names no top-level key twice.
 */
export function parseJsonBody(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value = parseJson(bytes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("the body must be an object");
  // Checked: a JSON value that is an object and no array.
  return value as Readonly<Record<string, unknown>>;
}

/** As `parseJsonBody`, of a body that is a list. @throws ApiError 400 */
export function parseJsonList(bytes: Uint8Array): readonly unknown[] {
  const value = parseJson(bytes);
  if (!Array.isArray(value)) throw invalid("the body must be a list");
  return value;
}

function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  refuseDepthAndDuplicates(text);
  return parse(text);
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw invalid("the body is not UTF-8", cause);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column } = placeOfFault(text) ?? { line: 1, column: 1 };
    throw invalid(`something is wrong or missing at line ${line}, column ${column}`);
  }
}

/** A lexical pass that needs no valid JSON: the parser judges validity afterwards. Strings are skipped, so long prompts cost little. */
function refuseDepthAndDuplicates(text: string): void {
  const keys = new Set<string>();
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth += 1;
      if (depth > BODY_DEPTH_MAX) throw invalid(`nested deeper than ${BODY_DEPTH_MAX}`);
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1;
    else if (code === QUOTE) {
      const end = endOfString(text, index);
      if (depth === 1 && isFollowedByColon(text, end)) addKey(keys, text.slice(index, end));
      index = end - 1;
    }
  }
}

function addKey(keys: Set<string>, literal: string): void {
  const key = literal.includes("\\") ? String(parse(literal)) : literal.slice(1, -1);
  if (keys.has(key)) throw invalid("a top-level key appears twice");
  keys.add(key);
}

/** Index behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return text.length;
}

function isFollowedByColon(text: string, from: number): boolean {
  let index = from;
  while (/\s/.test(text.charAt(index))) index += 1;
  return text.charCodeAt(index) === COLON;
}

function invalid(what: string, cause?: unknown): ApiError {
  return new ApiError({ status: 400, code: "invalid_request_error", message: `invalid JSON: ${what}`, cause });
}
