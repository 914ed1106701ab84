import { z } from "zod";

const citations = z
  .object({ enabled: z.literal(false).nullish() })
  .nullish()
  .describe("Answers carry no citations, so they cannot be asked for.");

const textBlock = z.object({ type: z.literal("text"), text: z.string() });

/** Sources that would have to be fetched are known, so that their refusal can say why. */
const remoteSources = [
  z.object({ type: z.literal("url"), url: z.string() }),
  z.object({ type: z.literal("file"), file_id: z.string() }),
] as const;

const imageBlock = z.object({
  type: z.literal("image"),
  source: z.discriminatedUnion("type", [
    z.object({ type: z.literal("base64"), media_type: z.string(), data: z.string() }),
    ...remoteSources,
  ]),
  transformations: z.object({ oversized_image: z.literal("downsize").nullish() }).nullish(),
});
export type WireImage = z.infer<typeof imageBlock>;

const documentBlock = z.object({
  type: z.literal("document"),
  source: z.discriminatedUnion("type", [
    z.object({ type: z.literal("text"), media_type: z.literal("text/plain").nullish(), data: z.string() }),
    z.object({
      type: z.literal("content"),
      content: z.union([z.string(), z.array(z.discriminatedUnion("type", [textBlock, imageBlock]))]),
    }),
    ...remoteSources,
  ]),
  title: z.string().nullish(),
  context: z.string().nullish(),
  citations,
});
export type WireDocument = z.infer<typeof documentBlock>;

const searchResultBlock = z.object({
  type: z.literal("search_result"),
  source: z.string(),
  title: z.string(),
  content: z.array(textBlock),
  citations,
});

const shownBlocks = [textBlock, imageBlock, documentBlock, searchResultBlock] as const;
const shownBlock = z.discriminatedUnion("type", shownBlocks);
export type WireShownBlock = z.infer<typeof shownBlock>;

const toolResultBlock = z.object({
  type: z.literal("tool_result"),
  tool_use_id: z.string(),
  content: z.union([z.string(), z.array(shownBlock)]).nullish(),
  is_error: z.boolean().nullish(),
});
export type WireToolResult = z.infer<typeof toolResultBlock>;

const userBlock = z.discriminatedUnion("type", [...shownBlocks, toolResultBlock]);
export type WireUserBlock = z.infer<typeof userBlock>;

const assistantBlock = z.discriminatedUnion("type", [
  textBlock,
  z.object({ type: z.literal("thinking"), thinking: z.string() }),
  z.object({ type: z.literal("redacted_thinking") }),
  z.object({ type: z.literal("tool_use"), id: z.string(), name: z.string().min(1), input: z.record(z.string(), z.unknown()) }),
]);
export type WireAssistantBlock = z.infer<typeof assistantBlock>;

export const requestMessage = z.discriminatedUnion("role", [
  z.object({ role: z.literal("user"), content: z.union([z.string(), z.array(userBlock)]) }),
  z.object({ role: z.literal("assistant"), content: z.union([z.string(), z.array(assistantBlock)]) }),
  z.object({ role: z.literal("system"), content: z.union([z.string(), z.array(textBlock)]) }),
]);
export type WireMessage = z.infer<typeof requestMessage>;
