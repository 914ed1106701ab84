import { chatRequest } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import { WORKER_LIMITS } from "./limits.js";
import { makesVectors, type ServedModel } from "./load-model.js";

export interface MeasuredRates {
  readonly decode_tps: number;
  readonly prefill_tps: number;
}

/** Rates that nobody has measured. */
export const UNMEASURED: MeasuredRates = { decode_tps: 0, prefill_tps: 0 };

const QUESTION = "Please count from one to fifty, one number a line.";

/**
 * One short answer on a fresh model: how fast it reads and writes when alone. It also warms up what the first consumer would wait for.
 * A model that only reads has one rate for both.
 */
export async function measure({ info, model }: ServedModel, clock: Clock): Promise<MeasuredRates> {
  const controller = new AbortController();
  const cancelTimeout = clock.setTimer(WORKER_LIMITS.benchmark_ms_max, () => controller.abort(), "background");
  const request = chatRequest.parse({
    model: info.id,
    ...(makesVectors(info)
      ? { task: { type: "embedding", inputs: Array.from({ length: WORKER_LIMITS.benchmark_inputs }, () => QUESTION) }, messages: [] }
      : { messages: [{ role: "user", content: [{ type: "text", text: QUESTION }] }] }),
    maxOutputTokens: WORKER_LIMITS.benchmark_tokens,
    sampling: { temperature: 0 },
  });
  const start_ms = clock.now_ms();
  let started_ms = start_ms;
  let promptTokens = 0;
  let tokens = 0;
  try {
    for await (const event of model.run(request, {
      requestId: "benchmark",
      cacheScope: undefined,
      signal: controller.signal,
      onPhase: () => undefined,
    })) {
      if (event.type === "started") {
        started_ms = clock.now_ms();
        promptTokens = event.promptTokens;
      } else if (event.type === "finish") promptTokens = event.usage.promptTokens;
      else if ("tokens" in event) tokens += event.tokens;
    }
  } catch {
    // A model that cannot answer shows in its requests; what was measured until then still holds.
    return UNMEASURED;
  } finally {
    cancelTimeout();
  }
  if (makesVectors(info)) {
    const tps = rate(promptTokens, clock.now_ms() - start_ms);
    return { decode_tps: tps, prefill_tps: tps };
  }
  return { decode_tps: rate(tokens, clock.now_ms() - started_ms), prefill_tps: rate(promptTokens, started_ms - start_ms) };
}

function rate(tokens: number, duration_ms: number): number {
  return duration_ms > 0 ? (tokens * 1000) / duration_ms : 0;
}
