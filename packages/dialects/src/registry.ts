import { anthropicMessages } from "./anthropic-messages/index.js";
import { openaiChat } from "./openai-chat/index.js";
import { openaiCompletions } from "./openai-completions/index.js";
import { openaiEmbeddings } from "./openai-embeddings/index.js";
import { openaiResponses } from "./openai-responses/index.js";

/** Every API surface by the name its code has. A new one added here is held to the laws of `registry.test.ts`. */
export const dialects = { anthropicMessages, openaiChat, openaiCompletions, openaiEmbeddings, openaiResponses } as const;
