import type { Figures, PolicyRun } from "@umbel/routing/simulator";

/** One line of the comparison. */
interface Line {
  readonly words: string;
  /** Which is better; absent where neither is. */
  readonly better?: "more" | "less";
  value(figures: Figures): number;
  format(value: number): string;
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const decimal = (value: number): string => value.toFixed(2);
const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
const milliseconds = (value: number): string => (value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

export const COMPARISON_LINES: readonly Line[] = [
  { words: "goodput, requests/s", better: "more", value: ({ goodput_perSecond }) => goodput_perSecond, format: decimal },
  { words: "answered well", better: "more", value: ({ goodShare }) => goodShare, format: percent },
  { words: "TTFT p50", better: "less", value: ({ ttft_ms }) => ttft_ms.p50, format: milliseconds },
  { words: "TTFT p95", better: "less", value: ({ ttft_ms }) => ttft_ms.p95, format: milliseconds },
  { words: "TTFT p99", better: "less", value: ({ ttft_ms }) => ttft_ms.p99, format: milliseconds },
  { words: "whole answer p50", better: "less", value: ({ total_ms }) => total_ms.p50, format: milliseconds },
  { words: "decode p5, tokens/s", better: "more", value: ({ decode_tps }) => decode_tps.p5, format: decimal },
  { words: "requests", value: ({ requests }) => requests, format: whole },
  { words: "refused", better: "less", value: ({ refused }) => refused, format: whole },
  { words: "refused though a machine was free", better: "less", value: ({ falseRejectionShare }) => falseRejectionShare, format: percent },
  { words: "consumers that left", value: ({ left }) => left, format: whole },
  { words: "broken off", better: "less", value: ({ brokenOff }) => brokenOff, format: whole },
  { words: "queued", better: "less", value: ({ queued }) => queued, format: whole },
  { words: "hedges", value: ({ hedges }) => hedges, format: whole },
  { words: "hedges won", value: ({ hedgesWon }) => hedgesWon, format: whole },
  { words: "retries", better: "less", value: ({ retries }) => retries, format: whole },
  { words: "extra work by hedging", better: "less", value: ({ extraWork }) => extraWork.hedging, format: percent },
  { words: "extra work by retrying", better: "less", value: ({ extraWork }) => extraWork.retrying, format: percent },
  { words: "placed cold", better: "less", value: ({ coldDispatches }) => coldDispatches, format: whole },
  { words: "loads", value: ({ loads }) => loads, format: whole },
  { words: "prefix found in cache", better: "more", value: ({ prefixHitShare }) => prefixHitShare, format: percent },
  { words: "fairness over accounts (Jain)", better: "more", value: ({ fairness }) => fairness, format: decimal },
  { words: "load over machines (Gini)", value: ({ loadGini }) => loadGini, format: decimal },
  { words: "utilisation", value: ({ utilisation }) => utilisation, format: percent },
  { words: "regret, mean", better: "less", value: ({ regret_ms }) => regret_ms.mean, format: milliseconds },
  { words: "machines looked at", value: ({ visits }) => visits.mean, format: decimal },
];

/** The policies side by side, one figure a line. */
export function comparison(runs: readonly PolicyRun[]): {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const rows = COMPARISON_LINES.map(({ words, value, format }) => [words, ...runs.map(({ figures }) => format(value(figures)))]);
  const reasons = [...new Set(runs.flatMap(({ figures }) => Object.keys(figures.refusals)))].sort();
  const refusals = reasons.map((reason) => [`  refused: ${reason}`, ...runs.map(({ figures }) => whole(figures.refusals[reason] ?? 0))]);
  const digests = ["digest of decisions", ...runs.map(({ figures }) => figures.digest)];
  return { header: ["", ...runs.map(({ policy }) => policy)], rows: [...rows, ...refusals, digests] };
}
