/** A tool call as the model wrote it. */
export interface ParsedCall {
  readonly name: string;
  /** JSON text of an object, in the model's own spelling. */
  readonly arguments: string;
}

/** The beginning of a call up to its arguments object. */
const head = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/s;

/** Reads `{"name": …, "arguments": {…}}`. Undefined for anything else. Arguments may also be JSON in a string, or absent. */
export function parseCall(text: string): ParsedCall | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || typeof value["name"] !== "string" || value["name"] === "") return undefined;
  const { name, arguments: args = {} } = value as { name: string; arguments?: unknown };
  if (typeof args === "string") return isRecord(parseJson(args)) ? { name, arguments: args } : undefined;
  if (!isRecord(args)) return undefined;
  return { name, arguments: argumentsText(text) ?? JSON.stringify(args) };
}

/** The name and where the arguments begin, of a call that is still being written. */
export function parseCallHead(text: string): { readonly name: string; readonly argumentsAt: number } | undefined {
  const match = head.exec(text);
  const name = match?.[1] === undefined ? undefined : parseJson(match[1]);
  return match === null || typeof name !== "string" || name === "" ? undefined : { name, argumentsAt: match[0].length };
}

/** The model's own spelling, when the call has the usual two members in the usual order. */
function argumentsText(text: string): string | undefined {
  const start = parseCallHead(text)?.argumentsAt;
  const own = start === undefined ? undefined : /^(.*\})\s*\}\s*$/s.exec(text.slice(start))?.[1];
  return own !== undefined && isRecord(parseJson(own)) ? own : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
