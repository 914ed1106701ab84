import { writeFileSync } from "node:fs";
import { type BenchmarkReport, benchmarkModel, createModelStore } from "@umbel/provider";
import { benchmarkPage } from "../benchmark/benchmark-page.js";
import { benchmarkTables, formatRate } from "../benchmark/benchmark-table.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { stopRequested } from "../process/managed.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { engineOf } from "../provider/engine-of.js";
import { importModels } from "../provider/import-models.js";
import { providerPlaces } from "../provider/places.js";
import { asCliError } from "../provider/provider-failure.js";
import { resolveSettings } from "../provider/resolve-settings.js";

/** A point whose prompts alone take longer is left out, unless --full is given. */
const READ_ms_MAX = 60_000;
const BATCH_MAX = 64;
const CONTEXT_MAX = 1_048_576;
const DECODE_MAX = 4_096;

export interface BenchmarkCommandOptions {
  readonly home?: string;
  readonly config?: string;
  readonly model?: string;
  readonly batch: string;
  readonly context: string;
  readonly decodeTokens: string;
  readonly full?: boolean;
  readonly html?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `umbel provider benchmark`: how fast this machine reads and writes; the next registration says so. */
export async function benchmarkProvider(options: BenchmarkCommandOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const plan = {
    batches: numbers("--batch", options.batch, BATCH_MAX),
    contexts_tokens: numbers("--context", options.context, CONTEXT_MAX),
    decode_tokens: numbers("--decode-tokens", options.decodeTokens, DECODE_MAX)[0] ?? 1,
    read_ms_max: options.full === true ? Number.POSITIVE_INFINITY : READ_ms_MAX,
  };
  const { values } = resolveSettings({}, process.env, readConfigFile(places.configFile));
  await assertAlone(places.home, options.force === true);
  const ids = await importModels(places.store, options.model === undefined ? (values.models ?? []) : [options.model]);
  const models = (await createModelStore(places.store).listModels()).filter(({ info }) => ids.includes(info.id));
  const stopped = new AbortController();
  void stopRequested().then(() => stopped.abort());
  const progress = createPointLine(output);
  let report: BenchmarkReport | undefined;
  try {
    report = await benchmarkModel({
      ...{ home: places.home, models, plan, signal: stopped.signal },
      engine: engineOf({ engine: "llama.cpp" }, values),
      onLoad: ({ id }) => output.note(`Loading ${id} …`),
      onPoint: progress.point,
    });
  } catch (error) {
    progress.clear();
    if (stopped.signal.aborted) throw new CliError("The benchmark was stopped; nothing was kept.", EXIT_CODES.interrupted);
    throw asCliError(error);
  }
  progress.clear();
  if (report === undefined) {
    const remedy = "Name one that writes answers with --model, or free memory; umbel models catalog says what fits.";
    throw new CliError("None of the models writes answers and fits into memory.", EXIT_CODES.hardware, remedy);
  }
  if (options.html !== undefined) writeFileSync(options.html, benchmarkPage(report));
  output.result({ schema_version: 1, ...report });
  output.line(`${report.model} on ${report.hardware.chip_name}, loaded in ${Math.round(report.load_ms)} ms\n\n${benchmarkTables(report)}`);
  for (const note of report.notes) output.line(`Left out: ${note}`);
  output.line(
    `\nThe next start registers ${formatRate(report.prefill_tps)} tokens/s read and ${formatRate(report.decode_tps)} written, as long as model, engine, settings and machine stay what they are.`,
  );
  if (options.html !== undefined) output.line(`Plots: ${options.html}`);
}

/** Both would be slower than they are, and the figures wrong. */
async function assertAlone(home: string, isForced: boolean): Promise<void> {
  const running = isForced ? undefined : await statusOf(home);
  if (running === undefined) return;
  throw new CliError(
    `A provider runs on ${home} (process ${running.pid}); figures measured beside it would be wrong.`,
    EXIT_CODES.failure,
    "Stop it first: umbel provider stop. Or measure all the same with --force.",
  );
}

function numbers(option: string, text: string, most: number): number[] {
  const list = text.split(",").map((part) => (/^\s*\d{1,7}\s*$/.test(part) ? Number(part) : Number.NaN));
  if (list.length > 16 || !list.every((value) => value >= 1 && value <= most)) {
    throw new CliError(`${option} takes whole numbers from 1 to ${most}, with commas between, not "${text}".`, EXIT_CODES.usage);
  }
  return [...new Set(list)].sort((a, b) => a - b);
}

/** One line that is written over on a terminal, and a line a point elsewhere. */
function createPointLine(output: Output) {
  const isTerminal = process.stderr.isTTY === true;
  return {
    point({ words, index, count }: { readonly words: string; readonly index: number; readonly count: number }) {
      const text = `${index + 1} of ${count}: ${words}`;
      if (isTerminal) process.stderr.write(`\r\u001b[2K${text}`);
      else output.note(text);
    },
    clear() {
      if (isTerminal) process.stderr.write("\r\u001b[2K");
    },
  };
}
