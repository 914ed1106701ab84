import { z } from "zod";

/** Text is always present; a media part is inline data only, never a URL to fetch. */
export const contentPart = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("image"), mediaType: z.enum(["image/png", "image/jpeg", "image/webp", "image/gif"]), base64: z.string() }),
]);
export type ContentPart = z.infer<typeof contentPart>;

export const toolCall = z.object({
  id: z.string(),
  name: z.string(),
  /** JSON text exactly as the model wrote it. */ arguments: z.string(),
});
export type ToolCall = z.infer<typeof toolCall>;

export const chatMessage = z.discriminatedUnion("role", [
  z.object({ role: z.literal("system"), content: z.array(contentPart), name: z.string().optional() }),
  z.object({ role: z.literal("user"), content: z.array(contentPart), name: z.string().optional() }),
  z.object({
    role: z.literal("assistant"),
    content: z.array(contentPart),
    reasoning: z.string().optional(),
    toolCalls: z.array(toolCall).default([]),
    name: z.string().optional(),
  }),
  z.object({ role: z.literal("tool"), content: z.array(contentPart), toolCallId: z.string() }),
]);
export type ChatMessage = z.infer<typeof chatMessage>;

export const jsonSchema = z.record(z.string(), z.unknown());

export const toolDefinition = z.object({
  name: z.string(),
  description: z.string().optional(),
  parameters: jsonSchema.optional(),
  strict: z.boolean().optional(),
});
export type ToolDefinition = z.infer<typeof toolDefinition>;

export const toolChoice = z.discriminatedUnion("type", [
  z.object({ type: z.literal("auto") }),
  z.object({ type: z.literal("none") }),
  z.object({ type: z.literal("required") }),
  z.object({ type: z.literal("named"), name: z.string() }),
]);
export type ToolChoice = z.infer<typeof toolChoice>;

export const responseFormat = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text") }),
  z.object({ type: z.literal("json_object") }),
  z.object({ type: z.literal("json_schema"), name: z.string(), schema: jsonSchema, strict: z.boolean() }),
]);
export type ResponseFormat = z.infer<typeof responseFormat>;

/** Absent means the model's recommended default, which the coordinator fills in from the catalogue before sealing. */
export const sampling = z.object({
  temperature: z.number().optional(),
  topP: z.number().optional(),
  topK: z.number().optional(),
  minP: z.number().optional(),
  seed: z.number().optional(),
  frequencyPenalty: z.number().optional(),
  presencePenalty: z.number().optional(),
  repetitionPenalty: z.number().optional(),
  /** Token id to bias. */
  logitBias: z.record(z.string(), z.number()).optional(),
});
export type Sampling = z.infer<typeof sampling>;

/** Most answers to one request. */
export const CHOICES_MAX = 8;

/** What is to be done: hold a conversation, go on with a text, or turn texts into vectors. Only `chat` has messages. */
export const task = z.discriminatedUnion("type", [
  z.object({ type: z.literal("chat") }),
  /** The prompt goes to the model as it is, without a chat template. */
  z.object({ type: z.literal("completion"), prompt: z.string() }),
  z.object({ type: z.literal("embedding"), inputs: z.array(z.string()), dimensions: z.number().int().positive().optional() }),
]);
export type Task = z.infer<typeof task>;

/**
 * What every dialect is lowered to and what travels sealed to the provider: one chat request, free of any dialect's spelling.
 * A dialect's `parse` produces it; the provider's `chat` folder consumes it.
 */
export const chatRequest = z.object({
  /** As the consumer named it (alias or build) until admission resolves it; then the concrete build id. */
  model: z.string(),
  task: task.default({ type: "chat" }),
  messages: z.array(chatMessage),
  /** The last message is the assistant's and the answer goes on with it, instead of following it. */
  continueFinalMessage: z.boolean().default(false),
  tools: z.array(toolDefinition).default([]),
  toolChoice: toolChoice.default({ type: "auto" }),
  parallelToolCalls: z.boolean().default(true),
  sampling: sampling.default({}),
  /** Bound on generated tokens per choice; absent until admission injects the model's bound. */
  maxOutputTokens: z.number().int().positive().optional(),
  stop: z.array(z.string()).default([]),
  responseFormat: responseFormat.default({ type: "text" }),
  /** Log-probabilities per token: how many alternatives (0 is the chosen token alone); absent is none. */
  topLogprobs: z.number().int().min(0).max(20).optional(),
  reasoning: z.object({ effort: z.string().optional(), exclude: z.boolean().default(false) }).default({ exclude: false }),
  /** Extra variables for the model's chat template. */
  templateVariables: z.record(z.string(), z.unknown()).default({}),
  /** How many answers to generate, independently of each other. */
  choices: z.number().int().min(1).max(CHOICES_MAX).default(1),
});
export type ChatRequest = z.infer<typeof chatRequest>;
