import { z } from "zod";

/** What a chat completion request may hold at most; OpenAI's own figures where it publishes them. */
export const OPENAI_CHAT_LIMITS = {
  messages_max: 16_384,
  images_max: 16,
  tools_max: 128,
  stop_max: 4,
  stopLength_max: 1024,
  logitBias_max: 1024,
  topLogprobs_max: 20,
  modelName_max: 256,
} as const;

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

const functionDefinition = z.object({
  name: z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/, ": expected 1 to 128 letters, digits, underscores, dots or dashes"),
  description: z.string().nullish(),
  parameters: freeObject.nullish(),
  strict: z.boolean().nullish(),
});
export type WireFunction = z.infer<typeof functionDefinition>;

const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }),
]);

const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    json_schema: z.object({ name: z.string(), schema: freeObject, strict: z.boolean().nullish() }),
  }),
]);

const logitBias = z
  .record(z.string(), z.unknown())
  .refine(isLogitBias, `: expected at most ${OPENAI_CHAT_LIMITS.logitBias_max} token ids, each with a number from -100 to 100`);

const stopText = z.string().min(1).max(OPENAI_CHAT_LIMITS.stopLength_max);
const penalty = z.number().min(-2).max(2).nullish();
const maxTokens = z.int().min(1).nullish();

/** The body of `POST /v1/chat/completions` (api.md §11.1). Fields that are not named here are ignored, as OpenAI's compatibles do. */
export const openAiChatBody = z.object({
  model: z.string().max(OPENAI_CHAT_LIMITS.modelName_max),
  messages: z.array(message),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).nullish(),
  max_tokens: maxTokens,
  max_completion_tokens: maxTokens,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  seed: z.int().nullish(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  repetition_penalty: z.number().gt(0).max(2).nullish(),
  logit_bias: logitBias.nullish(),
  stop: z.union([stopText, z.array(stopText).max(OPENAI_CHAT_LIMITS.stop_max)]).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(OPENAI_CHAT_LIMITS.topLogprobs_max).nullish(),
  tools: z
    .array(z.object({ type: z.literal("function"), function: functionDefinition }))
    .max(OPENAI_CHAT_LIMITS.tools_max)
    .nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(functionDefinition).max(OPENAI_CHAT_LIMITS.tools_max).nullish(),
  function_call: z.union([z.enum(["none", "auto"]), z.object({ name: z.string() })]).nullish(),
  response_format: responseFormat.nullish(),
  reasoning_effort: z.string().max(32).nullish(),
  reasoning: z.object({ effort: z.string().max(32).nullish(), exclude: z.boolean().nullish() }).nullish(),
  chat_template_kwargs: freeObject.nullish(),
  modalities: z.array(z.literal("text")).nullish(),
});
export type OpenAiChatBody = z.infer<typeof openAiChatBody>;

/** Checked as a whole, so that an error names the field and not one of the caller's keys. */
function isLogitBias(value: Record<string, unknown>): value is Record<string, number> {
  const entries = Object.entries(value);
  return (
    entries.length <= OPENAI_CHAT_LIMITS.logitBias_max &&
    entries.every(([token, bias]) => /^\d{1,10}$/.test(token) && typeof bias === "number" && Math.abs(bias) <= 100)
  );
}
