import type { z } from "zod";
import { ApiError, type ApiErrorCode } from "./canonical/api-error.js";
import { JSON_DEPTH_MAX, nestsDeeperThan } from "./canonical/json-depth.js";

export type ParameterPath = readonly PropertyKey[];

/** A 400 that names the parameter at fault. `problem` follows the path in the message and never quotes the caller's text. */
export function parameterError(path: ParameterPath, problem: string, code: ApiErrorCode = "invalid_request_error"): ApiError {
  const param = formatPath(path);
  const error = { status: 400, type: "invalid_request_error", code };
  return new ApiError(param === "" ? { ...error, message: `request body${problem}` } : { ...error, param, message: `${param}${problem}` });
}

export function missingParameter(path: ParameterPath): ApiError {
  return parameterError(path, REQUIRED);
}

/** @throws ApiError 400 for a body that is no JSON object, or nests deeper than `JSON_DEPTH_MAX`. */
export function requireObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw parameterError([], `: expected an object, got ${typeName(body)}`);
  if (nestsDeeperThan(body, JSON_DEPTH_MAX)) throw parameterError([], `: expected at most ${JSON_DEPTH_MAX} nested levels`);
  return body as Readonly<Record<string, unknown>>;
}

/**
 * Checks a body against a dialect's schema.
 *
 * @throws ApiError 400 naming the first parameter that does not fit and what was expected of it.
 */
export function checkBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body, { error: describe });
  if (result.success) return result.data;
  const [first] = result.error.issues;
  if (first === undefined) throw parameterError([], " is not valid");
  const { path, message } = deepest(first);
  throw parameterError(path, message);
}

const REQUIRED = " is required";

function formatPath(path: ParameterPath): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

interface Finding {
  readonly path: ParameterPath;
  readonly message: string;
  /** The value is of another type, so this branch of a union is not the one that was meant. */
  readonly otherType: boolean;
}

/** Of a union's branches, the one that got furthest is the one the caller meant. */
function deepest(issue: z.core.$ZodIssue): Finding {
  const { path, message } = issue;
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { path, message, otherType: issue.code === "invalid_type" };
  const findings = issue.errors.flatMap((branch) => branch.slice(0, 1).map(deepest));
  const furthest = Math.max(...findings.map((finding) => finding.path.length));
  const meant = findings.find((finding) => finding.path.length === furthest && (furthest > 0 || !finding.otherType));
  if (meant !== undefined) return { ...meant, path: [...path, ...meant.path] };
  if (findings.every((finding) => finding.message === REQUIRED)) return { path, message: REQUIRED, otherType: true };
  const expected = findings.map((finding) => finding.message.replace(/^: expected |, got .*$/g, ""));
  return { path, message: `: expected ${expected.join(" or ")}`, otherType: true };
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "an integer",
  boolean: "a boolean",
  array: "an array",
  object: "an object",
  record: "an object",
};

function describe(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return REQUIRED;
      return `: expected ${TYPE_NAMES[String(issue.expected)] ?? String(issue.expected)}, got ${typeName(issue.input)}`;
    case "invalid_value":
      return `: expected ${oneOf(issue.values)}`;
    case "invalid_union":
      return Array.isArray(issue["options"]) ? `: expected ${oneOf(issue["options"])}` : undefined;
    case "too_big":
      return `: expected at most ${amount(issue.maximum, issue.origin)}`;
    case "too_small":
      return `: expected ${issue.inclusive === false ? "more than" : "at least"} ${amount(issue.minimum, issue.origin)}`;
    default:
      return undefined;
  }
}

function oneOf(values: readonly unknown[] | undefined): string {
  const quoted = (values ?? []).filter((value) => value !== undefined).map((value) => `"${String(value)}"`);
  return quoted.length === 1 ? quoted.join() : `one of ${quoted.join(", ")}`;
}

function amount(limit: unknown, origin: unknown): string {
  const unit = origin === "string" ? " character" : origin === "array" ? " item" : "";
  return `${String(limit)}${unit}${unit === "" || limit === 1 ? "" : "s"}`;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return TYPE_NAMES[typeof value] ?? typeof value;
}
