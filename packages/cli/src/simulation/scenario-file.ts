import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseScenario, SCENARIO_LIMITS, type Scenario, type TraceRow, traceRow } from "@umbel/routing/simulator";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** What the command line puts in the place of a scenario's own figures, as it was typed. */
export interface Overrides {
  readonly providers?: string;
  readonly duration?: string;
  readonly rate?: string;
  readonly seed?: string;
}

export interface LoadedScenario {
  readonly scenario: Scenario;
  readonly trace: readonly TraceRow[] | undefined;
}

const SHIPPED = fileURLToPath(new URL("../../scenarios", import.meta.url));

/**
 * @param named a file, or the name of a scenario that comes with Umbel
 * @throws CliError that says what is wrong and where
 */
export async function loadScenario(named: string, overrides: Overrides): Promise<LoadedScenario> {
  const file = await fileOf(named);
  const value = overridden(parseJson(await readText(file), file), overrides);
  const parsed = parseScenario(value);
  if (!parsed.ok) {
    const lines = parsed.problems.map((problem) => `  ${problem}`).join("\n");
    throw new CliError(`${file} is no scenario:\n${lines}`, EXIT_CODES.configuration, "docs/routing.md says what a scenario holds.");
  }
  const { scenario } = parsed;
  const trace = scenario.trace === undefined ? undefined : await readTrace(path.resolve(path.dirname(file), scenario.trace));
  return { scenario, trace };
}

/** Those that come with Umbel. */
export async function shippedScenarios(): Promise<readonly { readonly name: string; readonly description: string }[]> {
  const files = (await readdir(SHIPPED)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    files.map(async (file) => {
      const { scenario } = await loadScenario(path.join(SHIPPED, file), {});
      return { name: file.slice(0, -".json".length), description: scenario.description };
    }),
  );
}

async function fileOf(named: string): Promise<string> {
  if (named.includes("/") || named.includes(path.sep) || named.endsWith(".json")) return path.resolve(named);
  const names = (await readdir(SHIPPED)).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
  if (names.includes(named)) return path.join(SHIPPED, `${named}.json`);
  throw new CliError(`There is no scenario "${named}".`, EXIT_CODES.usage, `There are ${names.sort().join(", ")}; or give a file.`);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CliError(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, EXIT_CODES.usage, undefined, {
      cause,
    });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError(
      `${file} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      EXIT_CODES.configuration,
      undefined,
      {
        cause,
      },
    );
  }
}

function overridden(value: unknown, { providers, duration, rate, seed }: Overrides): unknown {
  if (!isRecord(value)) return value;
  const changed: Record<string, unknown> = { ...value };
  if (providers !== undefined) changed["fleet"] = { ...recordOr(value["fleet"]), providers: numberOf("--providers", providers) };
  if (rate !== undefined) changed["traffic"] = { ...recordOr(value["traffic"]), rate_per_s: numberOf("--rate", rate) };
  if (seed !== undefined) changed["seed"] = numberOf("--seed", seed);
  if (duration !== undefined) {
    const duration_s = secondsOf(duration);
    changed["duration_s"] = duration_s;
    // A shorter run warms up for a shorter time.
    const warmup_s = value["warmup_s"];
    if (typeof warmup_s === "number" && warmup_s >= duration_s) changed["warmup_s"] = Math.floor(duration_s / WARMUP_PART);
  }
  return changed;
}

const WARMUP_PART = 4;
const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3_600 };

function secondsOf(text: string): number {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)(s|m|h|)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (digits === "" || factor === undefined) {
    throw new CliError(`"${text}" is no length of time.`, EXIT_CODES.usage, "Write it like 90s, 10m or 1h.");
  }
  return Number(digits) * factor;
}

function numberOf(option: string, text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new CliError(`"${text}" is no number.`, EXIT_CODES.usage, `Give ${option} a number.`);
}

async function readTrace(file: string): Promise<readonly TraceRow[]> {
  const lines = (await readText(file)).split("\n");
  const rows: TraceRow[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `${file}:${index + 1}`;
    const parsed = traceRow.safeParse(parseJson(line, where));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new CliError(`${where}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "is no request"}`, EXIT_CODES.configuration);
    }
    if (rows.length >= SCENARIO_LIMITS.requests_max) {
      throw new CliError(`${file} has more than ${SCENARIO_LIMITS.requests_max} requests.`, EXIT_CODES.configuration);
    }
    rows.push(parsed.data);
  }
  return rows;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function recordOr(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}
