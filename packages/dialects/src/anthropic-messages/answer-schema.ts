import { z } from "zod";
import { extrasObject } from "../canonical/extras.js";

const tokens = z.int().nonnegative();
const extras = extrasObject.optional();

const textBlock = z.object({ type: z.literal("text"), text: z.string(), citations: z.null() });
const thinkingBlock = z.object({ type: z.literal("thinking"), thinking: z.string(), signature: z.string() });
const toolUseBlock = z.object({
  type: z.literal("tool_use"),
  id: z.string(),
  name: z.string(),
  input: z.record(z.string(), z.unknown()),
  caller: z.object({ type: z.literal("direct") }),
});
const contentBlock = z.discriminatedUnion("type", [textBlock, thinkingBlock, toolUseBlock]);
export type AnswerBlock = z.infer<typeof contentBlock>;

const stopReason = z.enum(["end_turn", "max_tokens", "stop_sequence", "tool_use"]);
export type StopReason = z.infer<typeof stopReason>;

const deltaUsage = z.object({
  input_tokens: tokens.describe("Prompt tokens that were read; those taken from a cache come on top."),
  cache_creation_input_tokens: tokens,
  cache_read_input_tokens: tokens,
  output_tokens: tokens,
  output_tokens_details: z.object({ thinking_tokens: tokens }),
  server_tool_use: z.null(),
});
export type DeltaUsage = z.infer<typeof deltaUsage>;

/** The body of a whole answer. Keys that Anthropic's types require are there with null where Umbel has nothing to say. */
export const messageBody = z.object({
  id: z.string(),
  type: z.literal("message"),
  role: z.literal("assistant"),
  model: z.string().describe("As the caller wrote it."),
  content: z.array(contentBlock),
  stop_reason: stopReason.nullable(),
  stop_sequence: z.string().nullable(),
  stop_details: z.null(),
  container: z.null(),
  diagnostics: z.null(),
  usage: z.object({
    ...deltaUsage.shape,
    cache_creation: z.null(),
    inference_geo: z.null(),
    service_tier: z.literal("standard"),
    speed: z.null(),
  }),
  extras,
});
export type MessageBody = z.infer<typeof messageBody>;

const errorObject = z.object({
  type: z.string(),
  message: z.string(),
  code: z.string(),
  param: z.string().nullable().describe("Path of the parameter at fault."),
  details: z.record(z.string(), z.unknown()).optional().describe("What Anthropic's own clients act on, in their words."),
});

/** The body of an HTTP error. */
export const errorBody = z.object({ type: z.literal("error"), error: errorObject, request_id: z.string() });
export type ErrorBody = z.infer<typeof errorBody>;

const index = z.int().nonnegative();
const delta = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text_delta"), text: z.string() }),
  z.object({ type: z.literal("thinking_delta"), thinking: z.string() }),
  z.object({ type: z.literal("signature_delta"), signature: z.string() }),
  z.object({ type: z.literal("input_json_delta"), partial_json: z.string() }),
]);
export type BlockDelta = z.infer<typeof delta>;

/** The data of one server-sent event, whose name equals its `type`. */
export const streamEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("message_start"), message: messageBody }),
  z.object({ type: z.literal("ping") }),
  z.object({ type: z.literal("content_block_start"), index, content_block: contentBlock }),
  z.object({ type: z.literal("content_block_delta"), index, delta }),
  z.object({ type: z.literal("content_block_stop"), index }),
  z.object({
    type: z.literal("message_delta"),
    delta: z.object({ stop_reason: stopReason, stop_sequence: z.string().nullable(), stop_details: z.null(), container: z.null() }),
    usage: deltaUsage,
    extras,
  }),
  z.object({ type: z.literal("message_stop") }),
  z.object({ type: z.literal("error"), error: errorObject }),
]);
export type StreamEvent = z.infer<typeof streamEvent>;
