import { ApiError, estimateTextTokens } from "@umbel/dialects";
import type { Check, PreparedRequest } from "./check.js";

/** The estimate must exceed the window by more than this before it is believed; up to there the provider's exact count decides. */
export const CONTEXT_TOLERANCE = 1.1;

/**
 * Waiting does not make a window larger, so this is a 400 and no 429. Source: api.md §10.6.
 *
 * @param calibration factors on the estimate of prompts, by names of families of models; the largest of those that fit counts (routing.md §7)
 */
export function fitsContext(calibration: ReadonlyMap<string, number>): Check<PreparedRequest> {
  return {
    name: "fits_context",
    stage: "preflight_capacity",
    refuse({ build, request, promptTokens: estimated_tokens, maxOutputTokens }) {
      const window_tokens = build.contextLength_tokens;
      const { task } = request;
      if (task.type === "embedding") return longInput(task.inputs, window_tokens);
      const promptTokens = Math.ceil(estimated_tokens * factorOf(build, calibration));
      const needed_tokens = promptTokens + maxOutputTokens;
      if (needed_tokens <= window_tokens * CONTEXT_TOLERANCE) return undefined;
      return new ApiError({
        status: 400,
        code: "context_length_exceeded",
        type: "invalid_request_error",
        message:
          `This model's maximum context length is ${window_tokens} tokens. However, you requested about ${needed_tokens} tokens ` +
          `(${promptTokens} in the ${task.type === "completion" ? "prompt" : "messages"}, ${maxOutputTokens} in the completion). ` +
          "Please reduce the length of either one.",
        param: task.type === "completion" ? "prompt" : "messages",
      });
    },
  };
}

function factorOf({ id, family }: Pick<PreparedRequest["build"], "id" | "family">, calibration: ReadonlyMap<string, number>): number {
  const known = `${family} ${id}`.toLowerCase();
  let factor = 1;
  for (const [name, each] of calibration) if (known.includes(name.toLowerCase())) factor = Math.max(factor, each);
  return factor;
}

/** Inputs are embedded one by one, so each has the whole window. */
function longInput(inputs: readonly string[], window_tokens: number): ApiError | undefined {
  const index = inputs.findIndex((input) => estimateTextTokens(input) > window_tokens * CONTEXT_TOLERANCE);
  if (index === -1) return undefined;
  return new ApiError({
    status: 400,
    code: "context_length_exceeded",
    type: "invalid_request_error",
    message: `This model's maximum context length is ${window_tokens} tokens, and input ${index} is longer. Please split it.`,
    param: "input",
  });
}
