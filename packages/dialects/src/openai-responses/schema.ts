import { z } from "zod";
import { functionDefinition, functionFields } from "../openai/functions.js";
import { OPENAI_LIMITS } from "../openai/limits.js";
import { samplingFields, stopField } from "../openai/sampling.js";
import { pinFields } from "../routing-hints.js";
import { inputItem } from "./input-schema.js";
import { RESPONSES_LIMITS } from "./limits.js";

const freeObject = z.record(z.string(), z.unknown());
const functionType = z.literal("function");

/** What matters only to tools that run on a server may be said as long as it asks for nothing. */
const tool = z.union([
  z.object({
    type: functionType.optional(),
    ...functionFields,
    allowed_callers: z.array(z.literal("direct")).nullish(),
    defer_loading: z.literal(false).nullish(),
    output_schema: freeObject.nullish().describe("Accepted without effect."),
  }),
  z.object({ type: functionType.optional(), function: functionDefinition }).describe("As chat completions spell it."),
]);
export type WireTool = z.infer<typeof tool>;

const functionName = z.object({ type: functionType, name: z.string() });
const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.discriminatedUnion("type", [
    functionName,
    z.object({ type: z.literal("allowed_tools"), mode: z.enum(["auto", "required"]), tools: z.array(functionName).min(1) }),
  ]),
  z.object({ type: functionType, function: z.object({ name: z.string() }) }).describe("As chat completions spell it."),
]);
export type WireToolChoice = z.infer<typeof toolChoice>;

const textFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({
    type: z.literal("json_schema"),
    name: z.string(),
    description: z.string().nullish(),
    schema: freeObject,
    strict: z.boolean().nullish(),
  }),
]);
export type WireTextFormat = z.infer<typeof textFormat>;

const effect = "Accepted without effect";
const summary = z.enum(["auto", "concise", "detailed"]).nullish();

const { pairs_max, key_max, value_max } = RESPONSES_LIMITS.metadata;
const metadata = z
  .record(z.string(), z.unknown())
  .refine(isMetadata, `: expected at most ${pairs_max} keys of at most ${key_max} characters, each with a string of at most ${value_max}`);

/** Checked as a whole, so that an error names the field and not one of the caller's keys. */
function isMetadata(value: Record<string, unknown>): value is Record<string, string> {
  const entries = Object.entries(value);
  const fits = ([key, text]: [string, unknown]) => key.length <= key_max && typeof text === "string" && text.length <= value_max;
  return entries.length <= pairs_max && entries.every(fits);
}

/** The body of `POST /v1/responses` (api.md §12.1). Fields that are not named here are ignored, unless `refusals.ts` refuses them by name. */
export const responsesBody = z.object({
  model: z.string().max(OPENAI_LIMITS.modelName_max),
  input: z.union([z.string(), z.array(inputItem)]),
  instructions: z.string().nullish().describe("Becomes a system message before the input."),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_obfuscation: z.boolean().nullish() }).nullish().describe(`${effect}: streams are not obfuscated.`),
  max_output_tokens: z.int().min(1).nullish(),
  ...samplingFields,
  stop: stopField,
  top_logprobs: z.int().min(0).max(OPENAI_LIMITS.topLogprobs_max).nullish(),
  include: z
    .array(
      z.enum([
        "message.output_text.logprobs",
        "reasoning.encrypted_content",
        "message.input_image.image_url",
        "file_search_call.results",
        "web_search_call.results",
        "web_search_call.action.sources",
        "computer_call_output.output.image_url",
        "code_interpreter_call.outputs",
      ]),
    )
    .nullish()
    .describe("`message.output_text.logprobs` adds log-probabilities; of the others there is nothing that could be included."),
  tools: z.array(tool).max(OPENAI_LIMITS.tools_max).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_tool_calls: z.int().min(1).nullish().describe(`${effect}: it bounds calls of built-in tools, of which there are none.`),
  text: z.object({ format: textFormat.nullish(), verbosity: z.enum(["low", "medium", "high"]).nullish().describe(`${effect}.`) }).nullish(),
  reasoning: z
    .object({
      effort: z.string().max(32).nullish(),
      exclude: z.boolean().nullish().describe("The answer shows no reasoning."),
      summary: summary.describe(`${effect}: reasoning is shown as the model wrote it.`),
      generate_summary: summary.describe("Older spelling of `summary`."),
      context: z.literal("auto").nullish(),
      mode: z.literal("standard").nullish(),
    })
    .nullish(),
  chat_template_kwargs: freeObject.nullish().describe("Extra variables for the model's chat template."),
  metadata: metadata.nullish().describe("Said again in the answer."),
  store: z.boolean().nullish().describe(`${effect}: nothing is kept, and every answer says so.`),
  background: z.literal(false).nullish(),
  truncation: z.enum(["auto", "disabled"]).nullish().describe(`${effect}: input that is too long is refused.`),
  service_tier: z
    .enum(["auto", "default", "flex", "scale", "priority"])
    .nullish()
    .describe(`${effect}: there is one tier, which every answer names.`),
  safety_identifier: z.string().nullish().describe(`${effect}.`),
  prompt_cache_key: z
    .string()
    .nullish()
    .describe("Requests of one account with equal keys may share a prefix cache; never sent to a provider."),
  user: z.string().nullish().describe("As `prompt_cache_key`, where that is absent."),
  ...pinFields,
});
export type ResponsesBody = z.infer<typeof responsesBody>;
