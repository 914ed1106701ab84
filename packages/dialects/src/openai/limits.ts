/** What a request in OpenAI's dialects may hold at most; OpenAI's own figures where it publishes them. */
export const OPENAI_LIMITS = {
  modelName_max: 256,
  stop_max: 4,
  stopLength_max: 1024,
  logitBias_max: 1024,
  images_max: 16,
  tools_max: 128,
  messages_max: 16_384,
  topLogprobs_max: 20,
} as const;
