import { EngineError } from "../engine.js";
import type { Job } from "./job.js";
import type { NativeContext, NativeSampler, Sampled } from "./native.js";

export interface DrawParts {
  readonly native: Pick<NativeContext, "sampleToken">;
  /** One for each sequence. */
  readonly samplers: readonly NativeSampler[];
  /** Reads the model's own probabilities. */
  readonly rawSampler: NativeSampler;
}

/** An answer whose next token can be drawn, and from which of the batch's logits. */
export interface Due {
  readonly job: Job;
  readonly logit: number;
}

/** The next token of an answer, with the model's own probabilities where they are wanted; or why there is none. */
export type Drawn = { readonly job: Job } & ({ readonly id: number; readonly raw: Sampled | undefined } | { readonly cause: unknown });

/**
 * Draws the next tokens of all answers of a batch side by side, but for the first: llama.cpp puts its logits in order when they are first read,
 * and does so without a lock (native.ts). Those that want the model's own probabilities share the sampler that reads them, and take turns.
 */
export async function drawAll(answers: readonly Due[], parts: DrawParts): Promise<Drawn[]> {
  const wantRaw = answers.filter(({ job }) => job.request.topLogprobs !== undefined);
  const inTurn = wantRaw.length > 0 ? wantRaw : answers.slice(0, 1);
  const drawn: Drawn[] = [];
  for (const due of inTurn) drawn.push(await draw(due, parts));
  const others = answers.filter((due) => !inTurn.includes(due));
  return [...drawn, ...(await Promise.all(others.map((due) => draw(due, parts))))];
}

async function draw({ job, logit }: Due, { native, samplers, rawSampler }: DrawParts): Promise<Drawn> {
  const sampler = samplers[job.sequence.index];
  try {
    if (sampler === undefined) throw new EngineError("internal", "a sequence has no sampler");
    const raw = job.request.topLogprobs === undefined ? undefined : await native.sampleToken(logit, rawSampler, true);
    const id = await native.sampleToken(logit, sampler);
    if (id < 0) throw new EngineError("internal", "no token could be sampled");
    return { job, id, raw };
  } catch (cause) {
    return { job, cause };
  }
}
