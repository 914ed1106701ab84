import type { ChatRequest, ResponseFormat, Sampling } from "../canonical/chat-request.js";
import type { ParsedRequest } from "../dialect.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { lowerMessages } from "./messages.js";
import type { OpenAiChatOptions } from "./options.js";
import { OPENAI_CHAT_LIMITS, type OpenAiChatBody, openAiChatBody } from "./schema.js";
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
  const body = checkBody(openAiChatBody, json);
  refuseContradictions(body);
  return {
    request: lower(body),
    stream: body.stream ?? false,
    options: {
      includeUsage: body.stream_options?.include_usage ?? false,
      excludeReasoning: body.reasoning?.exclude ?? false,
      legacyFunctionCall: usesLegacyFunctions(body),
    },
  };
}

function requireModel(model: unknown): void {
  if (typeof model !== "string" || model === "") throw missingParameter(["model"]);
}

/** The count is checked before the schema looks at each message. */
function requireMessages(messages: unknown): void {
  if (messages == null || (Array.isArray(messages) && messages.length === 0)) throw missingParameter(["messages"]);
  if (Array.isArray(messages) && messages.length > OPENAI_CHAT_LIMITS.messages_max) {
    throw parameterError(["messages"], `: expected at most ${OPENAI_CHAT_LIMITS.messages_max} items`);
  }
}

/** A pin to machines must never be ignored: the caller would be served by one it did not choose. */
function refuseUnsupported(fields: Readonly<Record<string, unknown>>): void {
  for (const name of ["provider_serial", "provider_serials"]) {
    if (fields[name] != null) throw parameterError([name], " is not supported", "unsupported_parameter");
  }
}

function refuseContradictions(body: OpenAiChatBody): void {
  if (body.n != null && body.n > 1) throw parameterError(["n"], " > 1 is not supported");
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
    stop: typeof body.stop === "string" ? [body.stop] : (body.stop ?? []),
    responseFormat: lowerResponseFormat(body.response_format),
    ...(body.logprobs === true ? { topLogprobs: body.top_logprobs ?? 0 } : {}),
    reasoning: { ...(effort == null ? {} : { effort }), exclude: body.reasoning?.exclude ?? false },
    templateVariables: body.chat_template_kwargs ?? {},
    choices: 1,
  };
}

const SAMPLING_FIELDS = [
  ["temperature", "temperature"],
  ["top_p", "topP"],
  ["min_p", "minP"],
  ["seed", "seed"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  ["repetition_penalty", "repetitionPenalty"],
] as const;

/** Absent fields stay absent, so that laying the result over a model's defaults keeps them. */
function lowerSampling(body: OpenAiChatBody): Sampling {
  const sampling: Sampling = {};
  for (const [wire, canonical] of SAMPLING_FIELDS) {
    const value = body[wire];
    if (value != null) sampling[canonical] = value;
  }
  // -1 is another spelling of 0: no limit on candidates.
  if (body.top_k != null) sampling.topK = Math.max(0, body.top_k);
  if (body.logit_bias != null) sampling.logitBias = body.logit_bias;
  return sampling;
}

function lowerResponseFormat(format: OpenAiChatBody["response_format"]): ResponseFormat {
  if (format == null) return { type: "text" };
  if (format.type !== "json_schema") return format;
  const { name, schema, strict } = format.json_schema;
  return { type: "json_schema", name, schema, strict: strict ?? false };
}
