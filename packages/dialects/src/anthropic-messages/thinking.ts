import type { ChatRequest } from "../canonical/chat-request.js";
import type { PromptBody } from "./schema.js";

/** Below these budgets an effort is low, or else medium. Source: api.md §14.1. */
const LOW_BELOW_TOKENS = 2048;
const MEDIUM_BELOW_TOKENS = 8192;

/** Models know three efforts; the two above are asked for as the highest that they know. */
const EFFORTS = { low: "low", medium: "medium", high: "high", xhigh: "high", max: "high" } as const;

/**
 * Lowers `thinking` and `output_config.effort`, which is the caller's own word and wins over what its budget amounts to. A caller who
 * turns thinking off has no use for an effort, which would turn it on again.
 */
export function lowerThinking({ thinking, output_config }: PromptBody): Pick<ChatRequest, "reasoning" | "templateVariables"> {
  if (thinking?.type === "disabled") return { reasoning: { exclude: false }, templateVariables: { enable_thinking: false } };
  const asked = output_config?.effort;
  const effort = asked != null ? EFFORTS[asked] : thinking?.type === "enabled" ? effortOf(thinking.budget_tokens) : undefined;
  return {
    reasoning: { ...(effort === undefined ? {} : { effort }), exclude: thinking?.display === "omitted" },
    templateVariables: thinking == null ? {} : { enable_thinking: true },
  };
}

function effortOf(budget_tokens: number): string {
  if (budget_tokens < LOW_BELOW_TOKENS) return "low";
  return budget_tokens < MEDIUM_BELOW_TOKENS ? "medium" : "high";
}
