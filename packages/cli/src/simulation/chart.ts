/** One line of a plot. */
export interface Series {
  readonly name: string;
  /** A colour of the page: `--series-<colour>`. */
  readonly colour: number;
  /** One value for each position of the axis; what is not a number leaves a gap. */
  readonly values: readonly number[];
}

export interface Chart {
  readonly title: string;
  /** What the numbers count, e.g. `ms`. */
  readonly unit: string;
  readonly scale: "linear" | "log";
  /** Seconds of virtual time, one for each value; or what `counts` says. */
  readonly axis: readonly number[];
  /** What the axis counts where that is not seconds, e.g. `tokens`; every position is marked then. */
  readonly counts?: string;
  readonly series: readonly Series[];
}

const WIDTH = 560;
const HEIGHT = 220;
const MARGIN = { left: 52, right: 12, top: 10, bottom: 24 } as const;
const PLOT_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const PLOT_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;

/** A line chart over time as SVG with its title and legend; the page's script shows values under the pointer. */
export function lineChart(chart: Chart): string {
  const scale = scaleOf(chart);
  const grid = scale.ticks.map((tick) => gridLine(scale.y(tick), label(tick)));
  const labelAt = chart.counts === undefined ? timeLabel : label;
  const times = (chart.counts === undefined ? timeTicks(chart.axis) : chart.axis).map(
    (at_s) =>
      `<text class="tick" x="${round(x(at_s, chart.axis))}" y="${HEIGHT - 6}" text-anchor="${at_s === chart.axis.at(-1) ? "end" : "middle"}">${labelAt(at_s)}</text>`,
  );
  const lines = chart.series.map(
    ({ colour, values }) => `<path class="line" style="stroke:var(--series-${colour})" d="${pathOf(values, chart.axis, scale.y)}"/>`,
  );
  const data = JSON.stringify({
    axis: chart.axis,
    unit: chart.unit,
    counts: chart.counts ?? "s",
    series: chart.series.map(({ name, colour, values }) => ({ name, colour, values: values.map((value) => Number(value.toPrecision(4))) })),
    left: MARGIN.left,
    width: PLOT_WIDTH,
    total: WIDTH,
  });
  return `<figure class="chart"><figcaption>${escapeHtml(chart.title)} <span class="unit">${escapeHtml(chart.unit)}</span></figcaption>
<div class="plot"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(chart.title)}">${grid.join("")}${times.join("")}${lines.join("")}<line class="cross" y1="${MARGIN.top}" y2="${MARGIN.top + PLOT_HEIGHT}"/></svg><div class="tip"></div></div>
<script type="application/json">${data.replaceAll("<", "\\u003c")}</script></figure>`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

interface Scale {
  readonly ticks: readonly number[];
  y(value: number): number;
}

function scaleOf({ series, scale }: Chart): Scale {
  const values = series.flatMap((line) => line.values).filter((value) => Number.isFinite(value));
  const most = Math.max(0, ...values);
  if (scale === "log") return logScale(values.filter((value) => value > 0));
  const step = niceStep(most / TICKS_WANTED);
  const top = Math.max(step, Math.ceil(most / step) * step);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  return { ticks, y: (value) => MARGIN.top + PLOT_HEIGHT * (1 - value / top) };
}

function logScale(positive: readonly number[]): Scale {
  const least = positive.length === 0 ? 1 : Math.min(...positive);
  const most = positive.length === 0 ? 10 : Math.max(...positive);
  const low = Math.floor(Math.log10(least));
  const high = Math.max(low + 1, Math.ceil(Math.log10(most)));
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  const y = (value: number): number => MARGIN.top + PLOT_HEIGHT * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low));
  return { ticks, y };
}

const TICKS_WANTED = 4;

/** 1, 2 or 5 times a power of ten, no less than what is wanted. */
function niceStep(wanted: number): number {
  if (wanted <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= wanted) ?? 10;
  return factor * power;
}

function gridLine(y: number, text: string): string {
  return `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${round(y)}" y2="${round(y)}"/><text class="tick" x="${MARGIN.left - 6}" y="${round(y + 4)}" text-anchor="end">${text}</text>`;
}

function pathOf(values: readonly number[], axis: readonly number[], y: (value: number) => number): string {
  let path = "";
  let isDown = false;
  for (const [index, value] of values.entries()) {
    const at_s = axis[index];
    if (at_s === undefined || !Number.isFinite(value)) {
      isDown = false;
      continue;
    }
    path += `${isDown ? "L" : "M"}${round(x(at_s, axis))} ${round(y(value))}`;
    isDown = true;
  }
  return path;
}

function x(at_s: number, axis: readonly number[]): number {
  const end_s = axis.at(-1) ?? 1;
  return MARGIN.left + (PLOT_WIDTH * at_s) / end_s;
}

function timeTicks(axis: readonly number[]): readonly number[] {
  const end_s = axis.at(-1) ?? 0;
  const steps_s = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
  const step_s = steps_s.find((candidate) => end_s / candidate <= TIME_TICKS_MAX) ?? 86_400;
  return Array.from({ length: Math.floor(end_s / step_s) + 1 }, (_, index) => index * step_s);
}
const TIME_TICKS_MAX = 8;

function timeLabel(at_s: number): string {
  if (at_s === 0) return "0";
  if (at_s % 3_600 === 0) return `${at_s / 3_600} h`;
  return at_s % 60 === 0 ? `${at_s / 60} min` : `${at_s} s`;
}

function label(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000}M`;
  if (value >= 1_000) return `${value / 1_000}k`;
  return String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
