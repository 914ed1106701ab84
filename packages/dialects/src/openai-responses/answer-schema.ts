import { z } from "zod";
import { extrasObject } from "../canonical/extras.js";

const tokens = z.int().nonnegative();
const freeObject = z.record(z.string(), z.unknown());

const functionName = z.object({ type: z.literal("function"), name: z.string() });

/** What an answer says again of its request (api.md §12.1). */
const echoedSettings = z.object({
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  metadata: z.record(z.string(), z.string()),
  parallel_tool_calls: z.boolean(),
  prompt_cache_key: z.string().nullable(),
  reasoning: z.object({ effort: z.string().nullable(), summary: z.enum(["auto", "concise", "detailed"]).nullable() }),
  temperature: z.number().nullable(),
  text: z.object({
    format: z.union([
      z.object({ type: z.enum(["text", "json_object"]) }),
      z.object({
        type: z.literal("json_schema"),
        name: z.string(),
        description: z.string().exactOptional(),
        schema: freeObject,
        strict: z.boolean(),
      }),
    ]),
  }),
  tool_choice: z.union([
    z.enum(["none", "auto", "required"]),
    functionName,
    z.object({ type: z.literal("allowed_tools"), mode: z.enum(["auto", "required"]), tools: z.array(functionName) }),
  ]),
  tools: z.array(
    z.object({
      type: z.literal("function"),
      name: z.string(),
      description: z.string().nullable(),
      parameters: freeObject.nullable(),
      strict: z.boolean(),
    }),
  ),
  top_logprobs: z.int(),
  top_p: z.number().nullable(),
});
export type EchoedSettings = z.infer<typeof echoedSettings>;

const candidate = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int().min(0).max(255)) });
const logprobs = z
  .array(candidate.extend({ top_logprobs: z.array(candidate) }))
  .describe("One entry per generated token, where log-probabilities were asked for.");
export type WireLogprobs = z.infer<typeof logprobs>;

const textPart = z.object({ type: z.literal("output_text"), text: z.string(), annotations: z.array(z.never()), logprobs });
const summaryPart = z.object({ type: z.literal("summary_text"), text: z.string() });
export type TextPart = z.infer<typeof textPart>;

const itemStatus = z.enum(["in_progress", "completed", "incomplete"]);
export type ItemStatus = z.infer<typeof itemStatus>;

const outputItem = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("reasoning"),
    id: z.string(),
    status: itemStatus,
    summary: z.array(summaryPart).describe("What the model thought, word for word."),
  }),
  z.object({
    type: z.literal("message"),
    id: z.string(),
    status: itemStatus,
    role: z.literal("assistant"),
    content: z.array(textPart),
  }),
  z.object({
    type: z.literal("function_call"),
    id: z.string(),
    status: itemStatus,
    call_id: z.string(),
    name: z.string(),
    arguments: z.string().describe("JSON text as the model wrote it."),
  }),
]);
export type OutputItem = z.infer<typeof outputItem>;

const responseUsage = z.object({
  input_tokens: tokens,
  input_tokens_details: z.object({
    cached_tokens: tokens.describe("Input tokens that were taken from a cache."),
    cache_write_tokens: z.literal(0).describe("Nothing is ever charged for being put into a cache."),
  }),
  output_tokens: tokens.describe("Reasoning included."),
  output_tokens_details: z.object({ reasoning_tokens: tokens }),
  total_tokens: tokens,
});
export type ResponseUsage = z.infer<typeof responseUsage>;

/** The body of a whole answer. Keys that OpenAI's types know are there with null where Umbel has nothing to say. */
export const responseBody = z.object({
  id: z.string(),
  object: z.literal("response"),
  created_at: z.int(),
  status: z.enum(["in_progress", "completed", "incomplete", "failed", "cancelled"]),
  error: z.object({ code: z.enum(["server_error", "rate_limit_exceeded", "invalid_prompt"]), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.literal("max_output_tokens") }).nullable(),
  model: z.string().describe("As the caller wrote it."),
  output: z.array(outputItem),
  ...echoedSettings.shape,
  background: z.literal(false),
  previous_response_id: z.null(),
  service_tier: z.literal("default"),
  store: z
    .boolean()
    .describe("Whether it can be fetched again by its id: from a machine's own endpoint for a while, from a coordinator never."),
  truncation: z.literal("disabled"),
  usage: responseUsage.nullable(),
  extras: extrasObject.optional(),
});
export type ResponseBody = z.infer<typeof responseBody>;

/** Counts the events of a stream, from 0. */
const sequence_number = z.int().nonnegative();
const ofItem = { sequence_number, output_index: z.int().nonnegative(), item_id: z.string() };
const ofPart = { ...ofItem, content_index: z.literal(0) };
const ofSummary = { ...ofItem, summary_index: z.literal(0) };

/** The data of one server-sent event, whose name equals its `type`. */
export const streamEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.enum(["response.created", "response.in_progress", "response.completed", "response.incomplete", "response.failed"]),
    sequence_number,
    response: responseBody,
  }),
  z.object({
    type: z.enum(["response.output_item.added", "response.output_item.done"]),
    sequence_number,
    output_index: ofItem.output_index,
    item: outputItem,
  }),
  z.object({
    type: z.enum(["response.reasoning_summary_part.added", "response.reasoning_summary_part.done"]),
    ...ofSummary,
    part: summaryPart,
  }),
  z.object({ type: z.literal("response.reasoning_summary_text.delta"), ...ofSummary, delta: z.string() }),
  z.object({ type: z.literal("response.reasoning_summary_text.done"), ...ofSummary, text: z.string() }),
  z.object({ type: z.enum(["response.content_part.added", "response.content_part.done"]), ...ofPart, part: textPart }),
  z.object({ type: z.literal("response.output_text.delta"), ...ofPart, delta: z.string(), logprobs }),
  z.object({ type: z.literal("response.output_text.done"), ...ofPart, text: z.string(), logprobs }),
  z.object({ type: z.literal("response.function_call_arguments.delta"), ...ofItem, delta: z.string() }),
  z.object({ type: z.literal("response.function_call_arguments.done"), ...ofItem, name: z.string(), arguments: z.string() }),
  z.object({
    type: z.literal("error"),
    sequence_number,
    code: z.string(),
    message: z.string(),
    param: z.string().nullable(),
    error: z
      .object({ type: z.string(), code: z.string(), message: z.string(), param: z.string().nullable() })
      .describe("The same again, where OpenAI's clients look for it."),
  }),
]);

type WithoutNumber<Event> = Event extends unknown ? Omit<Event, "sequence_number"> : never;

/** An event that has not got its place in a stream yet. */
export type StreamEvent = WithoutNumber<z.infer<typeof streamEvent>>;
export type ItemEvent = Exclude<StreamEvent, { type: "error" } | { response: unknown }>;
