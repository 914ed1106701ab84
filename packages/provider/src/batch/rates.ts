/** Weight of the newest observation (provider.md §8.5). */
const weight = 0.3;
/** A faster prefill was not computed but found. */
const prefill_tps_max = 8000;
const window_ms_min = 1;

/** Smoothed speeds of one request, in tokens per second; undefined until the first observation. */
export interface Rates {
  readonly decode_tps: number | undefined;
  readonly prefill_tps: number | undefined;
  observe(request: RequestTimes): void;
}

export interface RequestTimes {
  readonly admitted_ms: number;
  readonly firstToken_ms: number;
  readonly end_ms: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
}

export function createRates(): Rates {
  let decode: number | undefined;
  let prefill: number | undefined;

  return {
    get decode_tps() {
      return decode;
    },
    get prefill_tps() {
      return prefill;
    },
    observe({ admitted_ms, firstToken_ms, end_ms, promptTokens, cachedTokens, generatedTokens }) {
      const gaps = Math.max(1, generatedTokens - 1);
      const decoded_ms = end_ms - (generatedTokens > 1 ? firstToken_ms : admitted_ms);
      if (decoded_ms >= window_ms_min) decode = smooth(decode, (gaps * 1000) / decoded_ms);
      const prefilled_ms = firstToken_ms - admitted_ms;
      if (cachedTokens > 0 || prefilled_ms < window_ms_min) return;
      const tps = (promptTokens * 1000) / prefilled_ms;
      if (tps <= prefill_tps_max) prefill = smooth(prefill, tps);
    },
  };
}

function smooth(before: number | undefined, now: number): number {
  return before === undefined ? now : before + weight * (now - before);
}
