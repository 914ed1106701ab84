import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { canonicalJson, type Hardware, type ModelInfo } from "@umbel/protocol";
import { z } from "zod";
import type { EngineChoice } from "../worker/pipe-messages.js";
import type { MeasuredRates } from "../worker/self-benchmark.js";

const rate = z.number().nonnegative();
const storedRates = z.object({
  version: z.literal(1),
  builds: z.record(z.string(), z.object({ conditions: z.string(), measured_at: z.iso.datetime(), prefill_tps: rate, decode_tps: rate })),
});
type StoredRates = z.infer<typeof storedRates>;

/** Builds of which figures are kept; those measured longest ago go first. */
const BUILDS_MAX = 64;
const engineVersion = z
  .object({ dependencies: z.object({ "node-llama-cpp": z.string() }) })
  .parse(createRequire(import.meta.url)("../../package.json")).dependencies["node-llama-cpp"];

/** What figures hold for: other bytes, another engine, other settings or another machine make them worthless. */
export function conditionsOf({ weight_hash }: ModelInfo, engine: EngineChoice, hardware: Hardware): string {
  const { platform, arch, chip_name, cpu_cores, gpus } = hardware;
  const machine = { platform, arch, chip_name, cpu_cores, gpus };
  return createHash("sha256")
    .update(canonicalJson(JSON.parse(JSON.stringify({ weight_hash, engine, engineVersion, machine }))))
    .digest("hex");
}

/** Figures of these models that still hold, by build. What cannot be read is as good as nothing. */
export async function readMeasuredRates(
  home: string,
  infos: readonly ModelInfo[],
  engine: EngineChoice,
  hardware: Hardware,
): Promise<Record<string, MeasuredRates>> {
  const { builds } = await readStored(home);
  const found = infos.flatMap((info): [string, MeasuredRates][] => {
    const stored = builds[info.id];
    if (stored?.conditions !== conditionsOf(info, engine, hardware)) return [];
    return [[info.id, { prefill_tps: stored.prefill_tps, decode_tps: stored.decode_tps }]];
  });
  return Object.fromEntries(found);
}

/** Figures that benchmarks of this machine have found, by build, whether its settings are still the same or not. */
export async function readBenchmarks(home: string): Promise<Readonly<Record<string, MeasuredRates>>> {
  return (await readStored(home)).builds;
}

/** Keeps the figures of one build for the next registration. */
export async function storeMeasuredRates(
  home: string,
  build: string,
  stored: { readonly conditions: string; readonly measuredAt: Date; readonly rates: MeasuredRates },
): Promise<void> {
  const { builds } = await readStored(home);
  const { conditions, measuredAt, rates } = stored;
  const others = Object.entries(builds)
    .filter(([id]) => id !== build)
    .sort(([, a], [, b]) => (a.measured_at < b.measured_at ? 1 : -1))
    .slice(0, BUILDS_MAX - 1);
  const next = { ...Object.fromEntries(others), [build]: { conditions, measured_at: measuredAt.toISOString(), ...rates } };
  await mkdir(home, { recursive: true, mode: 0o700 });
  const file = fileIn(home);
  await writeFile(`${file}.new`, `${JSON.stringify({ version: 1, builds: next } satisfies StoredRates, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function readStored(home: string): Promise<StoredRates> {
  try {
    return storedRates.parse(JSON.parse(await readFile(fileIn(home), "utf8")));
  } catch {
    return { version: 1, builds: {} };
  }
}

function fileIn(home: string): string {
  return path.join(home, "benchmarks.json");
}
