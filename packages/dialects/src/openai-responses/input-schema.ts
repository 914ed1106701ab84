import { z } from "zod";

const inputText = z.object({ type: z.literal("input_text"), text: z.string() });
const outputText = z.object({ type: z.literal("output_text"), text: z.string() });
const refusal = z.object({ type: z.literal("refusal"), refusal: z.string() });
const inputImage = z.object({
  type: z.literal("input_image"),
  image_url: z.string().describe("An inline `data:` URI; nothing is fetched."),
  detail: z.enum(["low", "high", "auto", "original"]).nullish().describe("Accepted without effect."),
});

const systemContent = z.union([z.string(), z.array(inputText)]);
const shownContent = z.union([z.string(), z.array(z.discriminatedUnion("type", [inputText, inputImage]))]);
const assistantContent = z.union([z.string(), z.array(z.discriminatedUnion("type", [outputText, refusal, inputText]))]);
export type WireContent = z.infer<typeof systemContent> | z.infer<typeof shownContent> | z.infer<typeof assistantContent>;

const messageType = z.literal("message").optional();
const message = z.discriminatedUnion("role", [
  z.object({ type: messageType, role: z.literal("user").optional(), content: shownContent }),
  z.object({ type: messageType, role: z.enum(["system", "developer"]), content: systemContent }),
  z.object({ type: messageType, role: z.literal("assistant"), content: assistantContent }),
]);
export type WireMessage = z.infer<typeof message>;

const functionCall = z.object({
  type: z.literal("function_call"),
  call_id: z.string().nullish().describe("Names the call for its output; `id` stands in where it is absent."),
  id: z.string().nullish(),
  name: z.string(),
  arguments: z.string().describe("JSON text as the model wrote it."),
});

const functionCallOutput = z.object({ type: z.literal("function_call_output"), call_id: z.string(), output: shownContent });

const reasoning = z
  .object({
    type: z.literal("reasoning"),
    summary: z.array(z.object({ type: z.literal("summary_text"), text: z.string() })).nullish(),
    content: z.array(z.object({ type: z.literal("reasoning_text"), text: z.string() })).nullish(),
  })
  .describe("Goes to the assistant's turn that it stands before. Encrypted reasoning is another service's and says nothing here.");

/** What a conversation is made of. Ids and states of items have no effect: nothing is kept that they could refer to. */
export const inputItem = z.discriminatedUnion("type", [message, functionCall, functionCallOutput, reasoning]);
export type WireItem = z.infer<typeof inputItem>;

/** The types that items may have; one without a type is a message. */
export const ITEM_TYPES: readonly unknown[] = ["message", "function_call", "function_call_output", "reasoning", undefined];
