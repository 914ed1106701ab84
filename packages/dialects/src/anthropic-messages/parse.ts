import type { z } from "zod";
import type { ChatRequest, ResponseFormat, Sampling } from "../canonical/chat-request.js";
import { refuseUnsupportedSchema } from "../canonical/strict-schema.js";
import type { ParsedRequest } from "../dialect.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { refuseMalformedPins, routingHints } from "../routing-hints.js";
import { ANTHROPIC_LIMITS } from "./limits.js";
import { lowerMessages } from "./messages.js";
import type { AnthropicOptions } from "./options.js";
import { withPrefill } from "./prefill.js";
import { countTokensBody, type MessagesBody, messagesBody, type PromptBody } from "./schema.js";
import { lowerThinking } from "./thinking.js";
import { lowerTools } from "./tools.js";

/**
 * Reads the body of `POST /v1/messages`.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §14.1.
 */
export function parseMessages(json: unknown): ParsedRequest<AnthropicOptions> {
  const body = checkPrompt(messagesBody, json);
  const routing = routingHints(body, [body.metadata?.user_id]);
  const { thinking, max_tokens } = body;
  if (thinking?.type === "enabled" && thinking.budget_tokens >= max_tokens) {
    throw parameterError(["thinking", "budget_tokens"], ": expected less than max_tokens");
  }
  const prompt = lowerPrompt(body);
  return {
    request: { ...prompt, sampling: lowerSampling(body), maxOutputTokens: max_tokens, stop: body.stop_sequences ?? [] },
    stream: body.stream ?? false,
    options: { excludeThinking: prompt.reasoning.exclude },
    ...routing,
  };
}

/**
 * Reads the body of `POST /v1/messages/count_tokens`: that of a message, of which only what makes up the prompt is looked at.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §14.5.
 */
export function parseCountTokens(json: unknown): ChatRequest {
  return lowerPrompt(checkPrompt(countTokensBody, json));
}

function checkPrompt<Schema extends z.ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const fields = requireObject(json);
  if (typeof fields["model"] !== "string" || fields["model"] === "") throw missingParameter(["model"]);
  requireMessages(fields["messages"]);
  refuseUnsupported(fields);
  refuseMalformedPins(fields);
  return checkBody(schema, json);
}

/** The count is checked before the schema looks at each message. */
function requireMessages(messages: unknown): void {
  if (messages == null) throw missingParameter(["messages"]);
  if (!Array.isArray(messages)) return;
  if (messages.length === 0) throw parameterError(["messages"], ": expected at least 1 item");
  if (messages.length > ANTHROPIC_LIMITS.messages_max) {
    throw parameterError(["messages"], `: expected at most ${ANTHROPIC_LIMITS.messages_max} items`);
  }
}

/** Wishes whose disregard would give the caller something else than it asked for. */
const UNSUPPORTED = [
  ...["container", "mcp_servers", "context_management", "compaction", "thread", "diagnostics"],
  ...["fallbacks", "fallback_credit_token", "billing_policy"],
];

function refuseUnsupported(fields: Readonly<Record<string, unknown>>): void {
  for (const name of UNSUPPORTED) if (isWish(fields[name])) throw unsupported([name]);
  const { inference_geo, output_config } = fields;
  if (inference_geo != null && inference_geo !== "global") throw unsupported(["inference_geo"]);
  const config = typeof output_config === "object" && output_config !== null ? output_config : {};
  if ("task_budget" in config && isWish(config.task_budget)) throw unsupported(["output_config", "task_budget"]);
}

/** Null and empty lists are how typed clients leave a field out. */
function isWish(value: unknown): boolean {
  return value != null && !(Array.isArray(value) && value.length === 0);
}

function unsupported(path: readonly string[]) {
  return parameterError(path, " is not supported", "unsupported_parameter");
}

function lowerPrompt(body: PromptBody): ChatRequest {
  return {
    model: body.model,
    task: { type: "chat" },
    ...withPrefill(lowerMessages(body), body),
    ...lowerTools(body),
    sampling: {},
    stop: [],
    responseFormat: lowerFormat(body),
    ...lowerThinking(body),
    choices: 1,
  };
}

function lowerSampling({ temperature, top_p, top_k }: MessagesBody): Sampling {
  return {
    ...(temperature == null ? {} : { temperature }),
    ...(top_p == null ? {} : { topP: top_p }),
    ...(top_k == null ? {} : { topK: top_k }),
  };
}

/** Anthropic's formats are unnamed and always enforced. */
function lowerFormat({ output_config, output_format }: PromptBody): ResponseFormat {
  if (output_config?.format != null && output_format != null) {
    throw parameterError(["output_format"], " cannot be used together with output_config.format");
  }
  const format = output_config?.format ?? output_format;
  const path = output_config?.format == null ? ["output_format", "schema"] : ["output_config", "format", "schema"];
  if (format != null) refuseUnsupportedSchema(format.schema, path);
  return format == null ? { type: "text" } : { type: "json_schema", name: "output", schema: format.schema, strict: true };
}
