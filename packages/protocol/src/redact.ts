/** Placeholders for what must never be written down. The order matters: what contains another comes first. Source: ops.md §4.3. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/data:[\w.+-]+\/[\w.+-]+[^\s"']*/g, "[data-uri]"],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, "[jwt]"],
  [/\b(?:sk-|umbel-(?:pt|st|local)-)[\w-]+/g, "[key]"],
  [/\bbearer\s+[^\s"',]+/gi, "[credential]"],
  [/\bpostgres(?:ql)?:\/\/[^\s"']+/g, "[database-url]"],
  [/\b[0-9a-fA-F]{48,}\b/g, "[hex]"],
  [/[A-Za-z0-9+/_-]{64,}={0,2}/g, "[base64]"],
  [/[\w.+-]+@[\w-]+\.[\w.-]+/g, "[email]"],
  [/\b(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}\b(?!\/)/g, "[ip]"],
  [/(?<![\w:])(?:[0-9a-fA-F]{1,4}:){4,7}[0-9a-fA-F]{1,4}\b/g, "[ip]"],
  [/\/(?:home|Users)\/[^/\s"']+/g, "~"],
  [/"[^"]{200,}"|'[^']{200,}'|`[^`]{200,}`/g, "[text]"],
];

const DEPTH_MAX = 5;
/** Fields whose value is never written, whatever it looks like. */
const SECRET_FIELDS = /^(?:authorization|cookie|password|secret|token|apiKey|api_key|body|prompt|messages|content)$/i;

/** Replaces keys, tokens, addresses and long runs of foreign text in one string. */
export function redactText(text: string): string {
  return RULES.reduce((clean, [pattern, placeholder]) => clean.replace(pattern, placeholder), text);
}

/** A copy of a log line's fields that is safe to write; errors become plain objects with their causes. */
export function redactFields(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) return "[deep]";
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return "[bytes]";
  if (Array.isArray(value)) return value.map((entry) => redactFields(entry, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, SECRET_FIELDS.test(key) ? "[hidden]" : redactFields(entry, depth + 1)]),
  );
}

function redactError(error: Error, depth: number): object {
  return {
    type: error.name,
    message: redactText(error.message),
    ...("code" in error ? { code: redactFields(error.code, depth + 1) } : {}),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redactFields(error.cause, depth + 1) }),
  };
}
