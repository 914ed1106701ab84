import { z } from "zod";
import type { Sampling } from "../canonical/chat-request.js";
import { OPENAI_LIMITS } from "./limits.js";

const logitBias = z
  .record(z.string(), z.unknown())
  .refine(isLogitBias, `: expected at most ${OPENAI_LIMITS.logitBias_max} token ids, each with a number from -100 to 100`);

const stopText = z.string().min(1).max(OPENAI_LIMITS.stopLength_max);
const penalty = z.number().min(-2).max(2).nullish();

/** How tokens are drawn and where they end, the same in chat and text completions (api.md §11.1). */
export const samplingFields = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  seed: z.int().nullish(),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  repetition_penalty: z.number().gt(0).max(2).nullish(),
  logit_bias: logitBias.nullish(),
};

export const stopField = z.union([stopText, z.array(stopText).max(OPENAI_LIMITS.stop_max)]).nullish();

const samplingBody = z.object(samplingFields);

const NAMES = [
  ["temperature", "temperature"],
  ["top_p", "topP"],
  ["min_p", "minP"],
  ["seed", "seed"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  ["repetition_penalty", "repetitionPenalty"],
] as const;

/** Absent fields stay absent, so that laying the result over a model's defaults keeps them. */
export function lowerSampling(body: z.infer<typeof samplingBody>): Sampling {
  const sampling: Sampling = {};
  for (const [wire, canonical] of NAMES) {
    const value = body[wire];
    if (value != null) sampling[canonical] = value;
  }
  // -1 is another spelling of 0: no limit on candidates.
  if (body.top_k != null) sampling.topK = Math.max(0, body.top_k);
  if (body.logit_bias != null) sampling.logitBias = body.logit_bias;
  return sampling;
}

export function lowerStop(stop: z.infer<typeof stopField>): string[] {
  return typeof stop === "string" ? [stop] : (stop ?? []);
}

/** Checked as a whole, so that an error names the field and not one of the caller's keys. */
function isLogitBias(value: Record<string, unknown>): value is Record<string, number> {
  const entries = Object.entries(value);
  return (
    entries.length <= OPENAI_LIMITS.logitBias_max &&
    entries.every(([token, bias]) => /^\d{1,10}$/.test(token) && typeof bias === "number" && Math.abs(bias) <= 100)
  );
}
