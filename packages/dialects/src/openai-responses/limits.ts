/** OpenAI's own bounds of what it says again in an answer. */
export const RESPONSES_LIMITS = { metadata: { pairs_max: 16, key_max: 64, value_max: 512 } } as const;
