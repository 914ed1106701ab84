import type { ChatRequest, ResponseFormat } from "../canonical/chat-request.js";
import { refuseUnsupportedSchema } from "../canonical/strict-schema.js";
import type { ParsedRequest } from "../dialect.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { lowerSampling, lowerStop } from "../openai/sampling.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { refuseMalformedPins, routingHints } from "../routing-hints.js";
import { lowerMessages } from "./messages.js";
import type { OpenAiChatOptions } from "./options.js";
import { type OpenAiChatBody, openAiChatBody } from "./schema.js";
import { lowerTools, usesLegacyFunctions } from "./tools.js";

/**
 * Reads the body of `POST /v1/chat/completions`. Checks go from what the caller most likely got wrong to the details.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §6.4, §11.1.
 */
export function parseOpenAiChat(json: unknown): ParsedRequest<OpenAiChatOptions> {
  const fields = requireObject(json);
  requireModel(fields["model"]);
  requireMessages(fields["messages"]);
  refuseUnsupported(fields);
  refuseMalformedPins(fields);
  const body = checkBody(openAiChatBody, json);
  refuseContradictions(body);
  return {
    request: lower(body),
    stream: body.stream ?? false,
    options: {
      includeUsage: body.stream_options?.include_usage ?? false,
      excludeReasoning: body.reasoning?.exclude ?? false,
      legacyFunctionCall: usesLegacyFunctions(body),
      choices: body.n ?? 1,
    },
    ...routingHints(body, [body.prompt_cache_key, body.user]),
  };
}

function requireModel(model: unknown): void {
  if (typeof model !== "string" || model === "") throw missingParameter(["model"]);
}

/** The count is checked before the schema looks at each message. */
function requireMessages(messages: unknown): void {
  if (messages == null || (Array.isArray(messages) && messages.length === 0)) throw missingParameter(["messages"]);
  if (Array.isArray(messages) && messages.length > OPENAI_LIMITS.messages_max) {
    throw parameterError(["messages"], `: expected at most ${OPENAI_LIMITS.messages_max} items`);
  }
}

/** Wishes whose disregard would give the caller something else than it asked for. */
const UNSUPPORTED = ["audio", "moderation", "web_search_options"];

function refuseUnsupported(fields: Readonly<Record<string, unknown>>): void {
  for (const name of UNSUPPORTED) if (fields[name] != null) throw parameterError([name], " is not supported", "unsupported_parameter");
}

function refuseContradictions(body: OpenAiChatBody): void {
  if (body.stream_options != null && body.stream !== true) throw parameterError(["stream_options"], " is only allowed with stream");
  if ((body.top_logprobs ?? 0) > 0 && body.logprobs !== true) throw parameterError(["top_logprobs"], " is only allowed with logprobs");
}

function lower(body: OpenAiChatBody): ChatRequest {
  const maxOutputTokens = body.max_completion_tokens ?? body.max_tokens;
  const effort = body.reasoning_effort ?? body.reasoning?.effort;
  return {
    model: body.model,
    task: { type: "chat" },
    continueFinalMessage: false,
    messages: lowerMessages(body.messages),
    ...lowerTools(body),
    sampling: lowerSampling(body),
    ...(maxOutputTokens == null ? {} : { maxOutputTokens }),
    stop: lowerStop(body.stop),
    responseFormat: lowerResponseFormat(body.response_format),
    ...(body.logprobs === true ? { topLogprobs: body.top_logprobs ?? 0 } : {}),
    reasoning: { ...(effort == null ? {} : { effort }), exclude: body.reasoning?.exclude ?? false },
    templateVariables: body.chat_template_kwargs ?? {},
    choices: body.n ?? 1,
  };
}

function lowerResponseFormat(format: OpenAiChatBody["response_format"]): ResponseFormat {
  if (format == null) return { type: "text" };
  if (format.type !== "json_schema") return format;
  const { name, schema, strict } = format.json_schema;
  if (strict === true) refuseUnsupportedSchema(schema, ["response_format", "json_schema", "schema"]);
  return { type: "json_schema", name, schema, strict: strict ?? false };
}
