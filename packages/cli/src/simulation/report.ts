import type { PolicyRun, Scenario } from "@umbel/routing/simulator";
import { escapeHtml, lineChart, type Series } from "./chart.js";
import { COMPARISON_LINES } from "./comparison.js";
import { SCRIPT, STYLE } from "./report-page.js";

type Point = PolicyRun["points"][number];

/** What is plotted over time, one line a policy. */
const PLOTS: readonly { readonly title: string; readonly unit: string; readonly scale: "linear" | "log"; value(point: Point): number }[] = [
  { title: "Time to first token, median", unit: "ms", scale: "log", value: ({ ttft_p50_ms }) => ttft_p50_ms || Number.NaN },
  { title: "Time to first token, 95th percentile", unit: "ms", scale: "log", value: ({ ttft_p95_ms }) => ttft_p95_ms || Number.NaN },
  { title: "Time to first token, 99th percentile", unit: "ms", scale: "log", value: ({ ttft_p99_ms }) => ttft_p99_ms || Number.NaN },
  { title: "Goodput", unit: "requests/s", scale: "linear", value: ({ goodput_perSecond }) => goodput_perSecond },
  { title: "Requests waiting", unit: "requests", scale: "linear", value: ({ waiting }) => waiting },
  { title: "Utilisation", unit: "% of places", scale: "linear", value: ({ utilisation }) => utilisation * 100 },
  { title: "Machines at work", unit: "%", scale: "linear", value: ({ busyShare }) => busyShare * 100 },
  { title: "Cold loads", unit: "loads", scale: "linear", value: ({ loads }) => loads },
  { title: "Hedges", unit: "requests", scale: "linear", value: ({ hedges }) => hedges },
  { title: "Retries", unit: "requests", scale: "linear", value: ({ retries }) => retries },
  { title: "Fairness over accounts", unit: "Jain", scale: "linear", value: ({ fairness }) => fairness },
];

/** A page with everything in it: no script, style, font or picture is fetched. */
export function htmlReport(scenario: Scenario, runs: readonly PolicyRun[]): string {
  const { name, description, fleet, builds, traffic, duration_s, warmup_s, seed } = scenario;
  const facts = [
    `${fleet.providers} machines`,
    `${builds.count} builds`,
    `${traffic.rate_per_s} requests/s`,
    `${duration_s} s, of which ${warmup_s} s to warm up`,
    `seed ${seed}`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(name)} · Umbel simulation</title><style>${STYLE}</style></head>
<body><header><h1>${escapeHtml(name)}</h1><button id="theme" type="button">light or dark</button>
<p>${escapeHtml(description)}</p><p class="facts">${facts.map(escapeHtml).join(" · ")}</p></header>
<main>
<section><h2>Policies side by side</h2>${comparisonTable(runs)}<p class="note">The best of each line is marked. The warm-up is left out.</p></section>
<section><h2>Over time</h2>${legend(runs)}<div class="charts">${PLOTS.map((plot) => overTime(plot, runs)).join("\n")}</div></section>
<section><h2>Refusals by reason</h2><div class="charts">${runs.map(refusals).join("\n")}</div></section>
<section><h2>Scenario</h2><details><summary>the whole file, with what it left out</summary><pre>${escapeHtml(JSON.stringify(scenario, undefined, 2))}</pre></details></section>
</main><script>${SCRIPT}</script></body></html>
`;
}

function comparisonTable(runs: readonly PolicyRun[]): string {
  const head = runs.map(
    ({ policy }, index) => `<th scope="col"><i style="background:var(--series-${index})"></i>${escapeHtml(policy)}</th>`,
  );
  const rows = COMPARISON_LINES.map(({ words, better, value, format }) => {
    const values = runs.map(({ figures }) => value(figures));
    const best = better === "more" ? Math.max(...values) : better === "less" ? Math.min(...values) : undefined;
    // What reads alike is alike.
    const isBest = (each: number) => best !== undefined && format(each) === format(best);
    const isTold = !values.every(isBest);
    const cells = values.map((each) => `<td${isTold && isBest(each) ? ' class="best"' : ""}>${escapeHtml(format(each))}</td>`);
    return `<tr><th scope="row">${escapeHtml(words)}</th>${cells.join("")}</tr>`;
  });
  const digests = runs.map(({ figures }) => `<td class="digest">${figures.digest}</td>`).join("");
  return `<div class="scroll"><table><thead><tr><th></th>${head.join("")}</tr></thead><tbody>${rows.join("")}<tr><th scope="row">digest of decisions</th>${digests}</tr></tbody></table></div>`;
}

function legend(runs: readonly PolicyRun[]): string {
  return `<p class="legend">${runs.map(({ policy }, index) => `<span><i style="background:var(--series-${index})"></i>${escapeHtml(policy)}</span>`).join("")}</p>`;
}

function overTime({ title, unit, scale, value }: (typeof PLOTS)[number], runs: readonly PolicyRun[]): string {
  const axis = axisOf(runs[0]);
  const series = runs.map(({ policy, points }, colour): Series => ({ name: policy, colour, values: points.map(value) }));
  return lineChart({ title, unit, scale, axis, series });
}

function refusals(run: PolicyRun): string {
  const reasons = [...new Set(run.points.flatMap(({ refusals: counts }) => Object.keys(counts)))].sort();
  if (reasons.length === 0)
    return `<figure class="chart"><figcaption>${escapeHtml(run.policy)}</figcaption><p class="note">none</p></figure>`;
  const series = reasons.map((name, colour): Series => ({ name, colour, values: run.points.map((point) => point.refusals[name] ?? 0) }));
  const chart = lineChart({ title: run.policy, unit: "requests", scale: "linear", axis: axisOf(run), series });
  const names = reasons.map(
    (reason, colour) => `<span><i style="background:var(--series-${colour % COLOURS})"></i>${escapeHtml(reason)}</span>`,
  );
  return chart.replace("</figure>", `<p class="legend">${names.join("")}</p></figure>`);
}

const COLOURS = 8;

function axisOf(run: PolicyRun | undefined): readonly number[] {
  return run?.points.map(({ at_s }) => at_s) ?? [];
}
