import { anthropicMessages } from "./anthropic-messages/index.js";
import { openaiChat } from "./openai-chat/index.js";

/** Every API surface by the name its code has. A new one added here is held to the laws of `registry.test.ts`. */
export const dialects = { anthropicMessages, openaiChat } as const;
