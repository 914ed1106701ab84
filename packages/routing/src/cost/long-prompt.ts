import type { CostTerm } from "./term.js";

/** Sends long prompts towards machines that read fast, past what the plain sum would. */
export const longPrompt: CostTerm = {
  name: "long_prompt",
  words: "extra weight on reading, because the prompt is long",
  cost_ms: ({ prompt_tokens, prefill_tps, load_ms }, profile) => {
    if (profile.longPrompt_tokens <= 0 || prompt_tokens < profile.longPrompt_tokens) return 0;
    return Math.max(0, profile.longPromptWeight - 1) * ((prompt_tokens * 1000) / prefill_tps + load_ms);
  },
};
