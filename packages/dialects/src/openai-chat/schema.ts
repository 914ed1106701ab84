import { z } from "zod";
import { CHOICES_MAX } from "../canonical/chat-request.js";
import { functionDefinition } from "../openai/functions.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { samplingFields, stopField } from "../openai/sampling.js";
import { pinFields } from "../routing-hints.js";

const textPart = z.object({ type: z.literal("text"), text: z.string() });
const refusalPart = z.object({ type: z.literal("refusal"), refusal: z.string() });
const imagePart = z.object({ type: z.literal("image_url"), image_url: z.union([z.string(), z.object({ url: z.string() })]) });

const textContent = z.union([z.string(), z.array(textPart)]).nullable();
const userContent = z.union([z.string(), z.array(z.discriminatedUnion("type", [textPart, imagePart]))]).nullable();
const assistantContent = z.union([z.string(), z.array(z.discriminatedUnion("type", [textPart, refusalPart]))]).nullish();
export type WireContent = z.infer<typeof userContent> | z.infer<typeof assistantContent>;

const functionCall = z.object({ name: z.string(), arguments: z.string() });
const name = z.string().nullish();

const message = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer"]), content: textContent, name }),
  z.object({ role: z.literal("user"), content: userContent, name }),
  z.object({
    role: z.literal("assistant"),
    content: assistantContent,
    refusal: z.string().nullish(),
    reasoning: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    tool_calls: z.array(z.object({ id: z.string(), type: z.literal("function").optional(), function: functionCall })).nullish(),
    function_call: functionCall.nullish(),
    name,
  }),
  z.object({ role: z.literal("tool"), content: textContent, tool_call_id: z.string() }),
  z.object({ role: z.literal("function"), content: textContent, name: z.string() }),
]);
export type WireMessage = z.infer<typeof message>;

const freeObject = z.record(z.string(), z.unknown());

const functionName = z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) });
const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion("type", [
    functionName,
    z.object({
      type: z.literal("allowed_tools"),
      allowed_tools: z.object({ mode: z.enum(["auto", "required"]), tools: z.array(functionName).min(1) }),
    }),
  ]),
]);

const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string(), schema: freeObject, strict: z.boolean().nullish() }),
  }),
]);

const maxTokens = z.int().min(1).nullish();

/** The body of `POST /v1/chat/completions` (api.md §11.1). Fields that are not named here are ignored, as OpenAI's compatibles do. */
export const openAiChatBody = z.object({
  model: z.string().max(OPENAI_LIMITS.modelName_max),
  messages: z.array(message),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(CHOICES_MAX).nullish().describe("How many answers; each is drawn on its own."),
  max_tokens: maxTokens,
  max_completion_tokens: maxTokens,
  ...samplingFields,
  stop: stopField,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(OPENAI_LIMITS.topLogprobs_max).nullish(),
  tools: z
    .array(z.object({ type: z.literal("function"), function: functionDefinition }))
    .max(OPENAI_LIMITS.tools_max)
    .nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(functionDefinition).max(OPENAI_LIMITS.tools_max).nullish(),
  function_call: z.union([z.enum(["none", "auto"]), z.object({ name: z.string() })]).nullish(),
  response_format: responseFormat.nullish(),
  reasoning_effort: z.string().max(32).nullish(),
  reasoning: z.object({ effort: z.string().max(32).nullish(), exclude: z.boolean().nullish() }).nullish(),
  chat_template_kwargs: freeObject.nullish().describe("Extra variables for the model's chat template."),
  modalities: z.array(z.literal("text")).nullish(),
  prompt_cache_key: z
    .string()
    .nullish()
    .describe("Requests of one account with equal keys may share a prefix cache; never sent to a provider."),
  user: z.string().nullish().describe("As `prompt_cache_key`, where that is absent."),
  ...pinFields,
});
export type OpenAiChatBody = z.infer<typeof openAiChatBody>;
