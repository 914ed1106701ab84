import type { BenchmarkReport } from "@umbel/provider";
import { escapeHtml, lineChart } from "../simulation/chart.js";
import { SCRIPT, STYLE } from "../simulation/report-page.js";
import { formatRate } from "./benchmark-table.js";

/** A page with everything in it: no script, style, font or picture is fetched. */
export function benchmarkPage(report: BenchmarkReport): string {
  const { model, hardware, measured_at, prefill, decode, notes } = report;
  const batches = [...new Set(decode.map(({ batch }) => batch))];
  const contexts = [...new Set(decode.map(({ context_tokens }) => context_tokens))];
  const rateAt = (batch: number, context: number): number =>
    decode.find((point) => point.batch === batch && point.context_tokens === context)?.tokens_per_second ?? Number.NaN;
  const lines = (value: (batch: number, context: number) => number) =>
    contexts.map((context, colour) => ({
      name: `after ${context} tokens`,
      colour,
      values: batches.map((batch) => value(batch, context)),
    }));
  const charts = [
    lineChart({
      ...{ title: "Reading, by length of the prompt", unit: "tokens/s", scale: "linear", counts: "tokens" },
      axis: prefill.map(({ prompt_tokens }) => prompt_tokens),
      series: [{ name: "reading", colour: 0, values: prefill.map(({ tokens_per_second }) => tokens_per_second) }],
    }),
    lineChart({
      ...{ title: "Writing, all answers together, by answers at a time", unit: "tokens/s", scale: "linear", counts: "answers" },
      ...{ axis: batches, series: lines(rateAt) },
    }),
    lineChart({
      ...{ title: "Writing, each answer, by answers at a time", unit: "tokens/s", scale: "linear", counts: "answers" },
      ...{ axis: batches, series: lines((batch, context) => rateAt(batch, context) / batch) },
    }),
  ];
  const legend = contexts.map((context, i) => `<span><i style="background:var(--series-${i})"></i>after ${context} tokens</span>`);
  const facts = [hardware.chip_name, `${hardware.cpu_cores} cores`, ...hardware.gpus.map(({ name }) => name), measured_at];
  const rows = decode.map(
    ({ batch, context_tokens, tokens_per_second }) =>
      `<tr><td>${batch}</td><td>${context_tokens}</td><td>${formatRate(tokens_per_second)}</td><td>${formatRate(tokens_per_second / batch)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(model)} · Umbel benchmark</title><style>${STYLE}</style></head>
<body><header><h1>${escapeHtml(model)}</h1><button id="theme" type="button">light or dark</button>
<p class="facts">${facts.map(escapeHtml).join(" · ")}</p></header>
<main>
<section><h2>Rates</h2><p class="legend">${legend.join("")}</p><div class="charts">${charts.join("\n")}</div></section>
<section><h2>Writing</h2><div class="scroll"><table><thead><tr><th scope="col">answers at a time</th><th scope="col">tokens before</th><th scope="col">tokens/s together</th><th scope="col">each</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></section>
${notes.length === 0 ? "" : `<section><h2>Left out</h2>${notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join("")}</section>`}
</main><script>${SCRIPT}</script></body></html>
`;
}
