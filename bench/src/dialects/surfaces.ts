import { anthropicMessages, type Dialect, openaiChat, openaiCompletions, openaiResponses } from "@umbel/dialects";

const QUESTION = "Tell me a story about a robot named Selma.";
const MODEL = "sprout";

/** A way to ask the same thing. */
export interface Surface {
  readonly name: string;
  readonly path: string;
  readonly dialect: Dialect<unknown>;
  body(maxTokens: number, stream: boolean): object;
}

/** Chat completions come first: the others are compared with them. */
export const SURFACES: readonly Surface[] = [
  {
    name: "chat completions",
    path: "/v1/chat/completions",
    dialect: openaiChat,
    body: (max_tokens, stream) => ({ model: MODEL, messages: [{ role: "user", content: QUESTION }], max_tokens, stream }),
  },
  {
    name: "responses",
    path: "/v1/responses",
    dialect: openaiResponses,
    body: (max_output_tokens, stream) => ({ model: MODEL, input: QUESTION, max_output_tokens, stream }),
  },
  {
    name: "completions",
    path: "/v1/completions",
    dialect: openaiCompletions,
    body: (max_tokens, stream) => ({ model: MODEL, prompt: QUESTION, max_tokens, stream }),
  },
  {
    name: "messages",
    path: "/v1/messages",
    dialect: anthropicMessages,
    body: (max_tokens, stream) => ({ model: MODEL, messages: [{ role: "user", content: QUESTION }], max_tokens, stream }),
  },
];
