import { type ParameterPath, parameterError } from "../request-body.js";
import { ITEM_TYPES } from "./input-schema.js";

type Fields = Readonly<Record<string, unknown>>;

/** Wishes whose disregard would give the caller something else than it asked for: there is no state, and no tool is run here. */
const UNSUPPORTED = ["previous_response_id", "conversation", "prompt", "context_management", "moderation", "functions", "function_call"];

/** Parameters of chat completions and what they are called here. */
const NAMES_OF_CHAT: Readonly<Record<string, string>> = {
  messages: "input",
  response_format: "text.format",
  max_tokens: "max_output_tokens",
  max_completion_tokens: "max_output_tokens",
  reasoning_effort: "reasoning.effort",
  logprobs: 'include ["message.output_text.logprobs"]',
};

/**
 * Refuses what this surface cannot do, in sentences that a schema has not.
 *
 * @throws ApiError 400 `unsupported_parameter`
 */
export function refuseUnsupported(fields: Fields): void {
  for (const name of UNSUPPORTED) if (isWish(fields[name])) throw unsupported([name]);
  for (const [name, here] of Object.entries(NAMES_OF_CHAT)) {
    if (isWish(fields[name])) throw unsupported([name], ` on this surface; use ${here}`);
  }
  if (fields["background"] === true) throw unsupported(["background"]);
  if (typeof fields["n"] === "number" && fields["n"] > 1) throw unsupported(["n"], " on this surface");
  refuseKinds(fields["tools"], "tools", (type) => type === undefined || type === "function");
  refuseKinds(fields["input"], "input", (type) => ITEM_TYPES.includes(type));
}

function refuseKinds(list: unknown, param: string, isKnown: (type: unknown) => boolean): void {
  if (!Array.isArray(list)) return;
  for (const [index, entry] of list.entries()) {
    if (typeof entry !== "object" || entry === null || !("type" in entry)) continue;
    const { type } = entry;
    if (typeof type !== "string" || isKnown(type)) continue;
    if (type === "item_reference") throw unsupported([param, index], ": nothing is kept that an item could refer to");
    throw unsupported(
      [param, index, "type"],
      param === "tools" ? ": expected a function" : ": expected a message, reasoning, or a function's call or output",
    );
  }
}

/** Null, false and empty lists are how typed clients leave a field out. */
function isWish(value: unknown): boolean {
  return value != null && value !== false && !(Array.isArray(value) && value.length === 0);
}

function unsupported(path: ParameterPath, hint = "") {
  return parameterError(path, ` is not supported${hint}`, "unsupported_parameter");
}
