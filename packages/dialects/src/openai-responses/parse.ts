import type { ChatRequest, ResponseFormat } from "../canonical/chat-request.js";
import { refuseUnsupportedSchema } from "../canonical/strict-schema.js";
import type { ParsedRequest } from "../dialect.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { lowerSampling, lowerStop } from "../openai/sampling.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { refuseMalformedPins, routingHints } from "../routing-hints.js";
import type { EchoedSettings } from "./answer-schema.js";
import { lowerInput } from "./input.js";
import type { OpenAiResponsesOptions } from "./options.js";
import { refuseUnsupported } from "./refusals.js";
import { type ResponsesBody, responsesBody, type WireTextFormat } from "./schema.js";
import { lowerTools, type Tooling } from "./tools.js";

/**
 * Reads the body of `POST /v1/responses`. Checks go from what the caller most likely got wrong to the details.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §6.4, §12.1.
 */
export function parseResponses(json: unknown): ParsedRequest<OpenAiResponsesOptions> {
  const fields = requireObject(json);
  if (typeof fields["model"] !== "string" || fields["model"] === "") throw missingParameter(["model"]);
  refuseUnsupported(fields);
  requireInput(fields["input"]);
  refuseMalformedPins(fields);
  const body = checkBody(responsesBody, json);
  const tooling = lowerTools(body);
  const request = lower(body, tooling);
  return {
    request,
    stream: body.stream ?? false,
    options: { excludeReasoning: request.reasoning.exclude, settings: settingsOf(body, tooling) },
    ...routingHints(body, [body.prompt_cache_key, body.user]),
  };
}

/** The count is checked before the schema looks at each item. */
function requireInput(input: unknown): void {
  if (input == null || (Array.isArray(input) && input.length === 0)) throw missingParameter(["input"]);
  if (Array.isArray(input) && input.length > OPENAI_LIMITS.messages_max) {
    throw parameterError(["input"], `: expected at most ${OPENAI_LIMITS.messages_max} items`);
  }
}

function lower(body: ResponsesBody, { tools, toolChoice, parallelToolCalls }: Tooling): ChatRequest {
  const { max_output_tokens, reasoning } = body;
  const topLogprobs = lowerTopLogprobs(body);
  return {
    model: body.model,
    task: { type: "chat" },
    continueFinalMessage: false,
    messages: lowerInput(body.instructions ?? "", body.input),
    tools,
    toolChoice,
    parallelToolCalls,
    sampling: lowerSampling(body),
    ...(max_output_tokens == null ? {} : { maxOutputTokens: max_output_tokens }),
    stop: lowerStop(body.stop),
    responseFormat: lowerTextFormat(body.text?.format),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
    reasoning: { ...(reasoning?.effort == null ? {} : { effort: reasoning.effort }), exclude: reasoning?.exclude ?? false },
    templateVariables: body.chat_template_kwargs ?? {},
    choices: 1,
  };
}

/** Either parameter asks for log-probabilities. */
function lowerTopLogprobs({ include, top_logprobs }: ResponsesBody): number | undefined {
  const top = top_logprobs ?? 0;
  return top > 0 || include?.includes("message.output_text.logprobs") === true ? top : undefined;
}

function lowerTextFormat(format: WireTextFormat | null | undefined): ResponseFormat {
  if (format == null) return { type: "text" };
  if (format.type !== "json_schema") return format;
  const { name, schema, strict } = format;
  if (strict === true) refuseUnsupportedSchema(schema, ["text", "format", "schema"]);
  return { type: "json_schema", name, schema, strict: strict ?? false };
}

/** What an answer says again of the request (api.md §12.1). */
function settingsOf(body: ResponsesBody, { wireTools, wireToolChoice, parallelToolCalls }: Tooling): EchoedSettings {
  return {
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    parallel_tool_calls: parallelToolCalls,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? body.reasoning?.generate_summary ?? null },
    temperature: body.temperature ?? null,
    text: { format: echoedFormat(body.text?.format) },
    tool_choice: wireToolChoice,
    tools: wireTools,
    top_logprobs: lowerTopLogprobs(body) ?? 0,
    top_p: body.top_p ?? null,
  };
}

function echoedFormat(format: WireTextFormat | null | undefined): EchoedSettings["text"]["format"] {
  if (format?.type !== "json_schema") return { type: format?.type ?? "text" };
  const { name, description, schema, strict } = format;
  return { type: "json_schema", name, ...(description == null ? {} : { description }), schema, strict: strict ?? false };
}
