/** Kinds of clients, by what they call themselves. A closed list: what a caller writes is nobody's label. */
const CLASSES = [
  ["openrouter", /openrouter/i],
  ["umbel", /umbel/i],
  ["openai-sdk", /^(?:Async)?OpenAI\//],
  ["anthropic-sdk", /^(?:Async)?Anthropic\//],
  ["js-sdk", /ai-sdk|langchain/i],
  ["curl", /^curl\//],
] as const;

export type ClientClass = (typeof CLASSES)[number][0] | "direct" | "unknown";

const READ_characters_max = 256;

/** Source: api.md §25. */
export function clientClassOf(userAgent: string | undefined): ClientClass {
  if (userAgent === undefined || userAgent === "") return "direct";
  const read = userAgent.slice(0, READ_characters_max);
  return CLASSES.find(([, pattern]) => pattern.test(read))?.[0] ?? "unknown";
}
