/** What a request may hold at most; Anthropic's own figures where it publishes them and a provider can keep them. */
export const ANTHROPIC_LIMITS = {
  messages_max: 16_384,
  images_max: 16,
  tools_max: 128,
  /** What a provider watches for at once. */
  stop_max: 16,
  stopLength_max: 1024,
  modelName_max: 256,
  thinkingBudget_tokens_min: 1024,
} as const;
