import type { ParsedRequest } from "../dialect.js";
import { lowerSampling, lowerStop } from "../openai/sampling.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { refuseMalformedPins, routingHints } from "../routing-hints.js";
import type { CompletionOptions } from "./options.js";
import { type CompletionsBody, completionsBody } from "./schema.js";

/**
 * Reads the body of `POST /v1/completions`.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §13.
 */
export function parseCompletions(json: unknown): ParsedRequest<CompletionOptions> {
  const fields = requireObject(json);
  if (typeof fields["model"] !== "string" || fields["model"] === "") throw missingParameter(["model"]);
  requirePrompt(fields["prompt"]);
  refuseUnsupported(fields);
  refuseMalformedPins(fields);
  const body = checkBody(completionsBody, json);
  refuseContradictions(body);
  const prompt = typeof body.prompt === "string" ? body.prompt : (body.prompt[0] ?? "");
  const choices = body.n ?? 1;
  return {
    request: {
      model: body.model,
      task: { type: "completion", prompt },
      messages: [],
      continueFinalMessage: false,
      tools: [],
      toolChoice: { type: "none" },
      parallelToolCalls: true,
      sampling: lowerSampling(body),
      ...(body.max_tokens == null ? {} : { maxOutputTokens: body.max_tokens }),
      stop: lowerStop(body.stop),
      responseFormat: { type: "text" },
      ...(body.logprobs == null ? {} : { topLogprobs: body.logprobs }),
      reasoning: { exclude: false },
      templateVariables: {},
      choices,
    },
    stream: body.stream ?? false,
    options: { includeUsage: body.stream_options?.include_usage ?? false, echo: body.echo === true ? prompt : "", choices },
    ...routingHints(body, [body.prompt_cache_key, body.user]),
  };
}

/** Lists have sentences of their own: OpenAI allows several prompts, and tokens instead of text. */
function requirePrompt(prompt: unknown): void {
  if (prompt == null) throw missingParameter(["prompt"]);
  if (!Array.isArray(prompt)) return;
  if (prompt.length !== 1) throw parameterError(["prompt"], ": expected a string or an array of one string");
  if (typeof prompt[0] !== "string") throw parameterError(["prompt"], ": expected text; arrays of tokens are not supported");
}

/** Wishes whose disregard would give the caller something else than it asked for. */
const UNSUPPORTED = ["suffix", "messages", "tools", "tool_choice", "functions", "function_call", "response_format"];

function refuseUnsupported(fields: Readonly<Record<string, unknown>>): void {
  for (const name of UNSUPPORTED) {
    const value = fields[name];
    if (value != null && value !== "") throw parameterError([name], " is not supported for completions", "unsupported_parameter");
  }
}

function refuseContradictions(body: CompletionsBody): void {
  if (body.best_of != null && body.best_of !== (body.n ?? 1)) {
    throw parameterError(["best_of"], " other than n is not supported", "unsupported_parameter");
  }
  if (body.stream_options != null && body.stream !== true) throw parameterError(["stream_options"], " is only allowed with stream");
  if (body.echo === true && body.logprobs != null) throw parameterError(["logprobs"], " cannot be used together with echo");
}
