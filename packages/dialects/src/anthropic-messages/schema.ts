import { z } from "zod";
import { pinFields } from "../routing-hints.js";
import { requestMessage } from "./content-schema.js";
import { ANTHROPIC_LIMITS } from "./limits.js";

const textBlocks = z.array(z.object({ type: z.literal("text"), text: z.string() }));
const freeObject = z.record(z.string(), z.unknown());

const toolName = z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/, ": expected 1 to 128 letters, digits, underscores or dashes");

/** `type` stands first, so that a tool which Anthropic runs on its own servers is refused by its type and not by what it lacks. */
const tool = z.object({
  type: z.literal("custom").nullish(),
  name: toolName,
  description: z.string().nullish(),
  input_schema: z.looseObject({ type: z.literal("object") }),
  strict: z.boolean().nullish(),
  input_examples: z.array(freeObject).nullish(),
  allowed_callers: z.array(z.literal("direct")).nullish(),
  defer_loading: z.literal(false).nullish(),
  eager_input_streaming: z.boolean().nullish().describe("Accepted without effect: input is always streamed as it is generated."),
});
export type WireTool = z.infer<typeof tool>;

const disable_parallel_tool_use = z.boolean().nullish();
const toolChoice = z.discriminatedUnion("type", [
  z.object({ type: z.literal("auto"), disable_parallel_tool_use }),
  z.object({ type: z.literal("any"), disable_parallel_tool_use }),
  z.object({ type: z.literal("tool"), name: z.string(), disable_parallel_tool_use }),
  z.object({ type: z.literal("none") }),
]);

const display = z.enum(["summarized", "omitted"]).nullish().describe("`omitted` answers without thinking blocks.");
const thinking = z.discriminatedUnion("type", [
  z.object({ type: z.literal("enabled"), budget_tokens: z.int().min(ANTHROPIC_LIMITS.thinkingBudget_tokens_min), display }),
  z.object({ type: z.literal("adaptive"), display }),
  z.object({ type: z.literal("disabled") }),
]);

const outputFormat = z.object({ type: z.literal("json_schema"), schema: freeObject }).nullish();

const promptFields = {
  model: z.string().max(ANTHROPIC_LIMITS.modelName_max),
  messages: z.array(requestMessage).min(1),
  system: z.union([z.string(), textBlocks]).nullish(),
  tools: z.array(tool).max(ANTHROPIC_LIMITS.tools_max).nullish(),
  tool_choice: toolChoice.nullish(),
  thinking: thinking.nullish(),
  output_config: z
    .object({ effort: z.enum(["low", "medium", "high", "xhigh", "max"]).nullish(), format: outputFormat })
    .nullish()
    .describe("Efforts above `high` are treated as `high`."),
  output_format: outputFormat.describe("Older spelling of `output_config.format`."),
  speed: z.literal("standard").nullish(),
  ...pinFields,
};

/** The body of `POST /v1/messages/count_tokens`. */
export const countTokensBody = z.object(promptFields);

/** The body of `POST /v1/messages` (api.md §14.1). Fields that are not named here are ignored, unless `parse.ts` refuses them by name. */
export const messagesBody = z.object({
  ...promptFields,
  max_tokens: z.int().min(1),
  stream: z.boolean().nullish(),
  stop_sequences: z.array(z.string().min(1).max(ANTHROPIC_LIMITS.stopLength_max)).max(ANTHROPIC_LIMITS.stop_max).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  metadata: z
    .object({ user_id: z.string().nullish() })
    .nullish()
    .describe("Requests with equal `user_id` may share a prefix cache; it is never sent to a provider."),
  service_tier: z.enum(["auto", "standard_only"]).nullish().describe("Accepted without effect."),
});

export type PromptBody = z.infer<typeof countTokensBody>;
export type MessagesBody = z.infer<typeof messagesBody>;
