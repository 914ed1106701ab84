import { describe, expect, it } from "vitest";
import { drawAll } from "./draw.js";
import { createJob } from "./job.js";
import type { NativeSampler, Sampled } from "./native.js";

const sampler = (): NativeSampler => ({ applyConfig: () => undefined, dispose: () => undefined });

/** Answers on sequences 0, 1, …; `true` where the model's own probabilities are wanted. */
function dues(...wantRaw: readonly boolean[]) {
  return wantRaw.map((raw, index) => {
    const request = { tokens: Int32Array.of(1), maxTokens: 1, sampling: { temperature: 0 }, ...(raw && { topLogprobs: 2 }) };
    const job = createJob(request, Uint32Array.of(1), { index, cached: new Uint32Array(0), scope: undefined });
    return { job, logit: index };
  });
}

/** Sampling that ends when the test says so, and counts how many go on at once. */
function slowSampling(tokenOf: (logit: number) => number) {
  const steps: string[] = [];
  let running = 0;
  async function wait(step: string): Promise<void> {
    running += 1;
    steps.push(`${step} of ${running}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
    running -= 1;
  }
  function sampleToken(logit: number, by: NativeSampler): Promise<number>;
  function sampleToken(logit: number, by: NativeSampler, withProbabilities: true): Promise<Sampled>;
  function sampleToken(logit: number, _: NativeSampler, withProbabilities?: true): Promise<number | Sampled> {
    if (withProbabilities === true) return wait(`raw ${logit}`).then(() => [0, [0, 1]]);
    return wait(`own ${logit}`).then(() => tokenOf(logit));
  }
  return { steps, native: { sampleToken } };
}

async function drawn(wantRaw: readonly boolean[], tokenOf = (logit: number) => 100 + logit) {
  const { steps, native } = slowSampling(tokenOf);
  const samplers = wantRaw.map(sampler);
  const results = await drawAll(dues(...wantRaw), { native, samplers, rawSampler: sampler() });
  return { steps, results };
}

describe("the next tokens of a batch", () => {
  it("are drawn one alone and then the others side by side", async () => {
    const { steps, results } = await drawn([false, false, false]);
    expect(steps).toEqual(["own 0 of 1", "own 1 of 1", "own 2 of 2"]);
    expect(results.map((result) => "id" in result && result.id)).toEqual([100, 101, 102]);
  });

  it("are drawn in turn where the model's own probabilities are wanted", async () => {
    const { steps } = await drawn([false, true, true, false]);
    expect(steps).toEqual(["raw 1 of 1", "own 1 of 1", "raw 2 of 1", "own 2 of 1", "own 0 of 1", "own 3 of 2"]);
  });

  it("fail each by itself", async () => {
    const { results } = await drawn([false, false], (logit) => (logit === 0 ? -1 : 7));
    expect(results).toMatchObject([{ cause: { code: "internal" } }, { id: 7 }]);
  });

  it("are none of nothing", async () => {
    expect((await drawn([])).results).toEqual([]);
  });
});
