import { draw, weighted, zipf } from "./distribution.js";
import type { Fault, Scenario } from "./scenario.js";
import { streamOf } from "./streams.js";

/** One build of the simulated catalogue. */
export interface SimulatedBuild {
  readonly id: string;
  readonly size_gb: number;
  readonly kvBytesPerToken: number;
  /** A machine's rate with this build over its benchmark. */
  readonly speed: number;
  readonly contextLength_tokens: number;
  readonly tools: boolean;
  readonly vision: boolean;
}

/** One machine as its owner bought it. */
export interface MachineSpec {
  readonly number: number;
  readonly computeClass: string;
  readonly version: string;
  readonly latency_ms: number;
  readonly decode_tps: number;
  readonly prefill_tps: number;
  readonly memory_gb: number;
  readonly load_gb_per_s: number;
  readonly concurrency: number;
  readonly slots_max: number;
  /** By number in the catalogue. The first `resident` are in memory at the start. */
  readonly builds: readonly number[];
  readonly resident: number;
  readonly batchSlope: number;
  readonly faults: readonly Fault[];
}

export function simulatedBuilds({ builds, seed }: Scenario): readonly SimulatedBuild[] {
  const random = streamOf(seed, "builds");
  const digits = String(builds.count - 1).length;
  return Array.from({ length: builds.count }, (_, index) => {
    const size_gb = draw(builds.size_gb, random);
    return {
      id: `build-${String(index).padStart(digits, "0")}`,
      size_gb,
      kvBytesPerToken: Math.round(draw(builds.kv_bytes_per_token, random)),
      speed: (builds.reference_size_gb / size_gb) ** builds.speed_exponent,
      contextLength_tokens: builds.context_tokens,
      tools: random() < builds.tools_share,
      vision: random() < builds.vision_share,
    };
  });
}

export function machineSpecs(scenario: Scenario, builds: readonly SimulatedBuild[]): readonly MachineSpec[] {
  const { fleet, faults, seed } = scenario;
  const random = streamOf(seed, "fleet");
  const faultDice = streamOf(seed, "faults");
  const popular = zipf(builds.length, scenario.builds.popularity_exponent);
  return Array.from({ length: fleet.providers }, (_, number) => {
    const kind = entry(fleet.classes, weighted(fleet.classes, random));
    const memory_gb = draw(kind.memory_gb, random);
    const decode_tps = draw(kind.decode_tps, random);
    const carried = carriedBuilds(builds, memory_gb, Math.round(draw(kind.builds_carried, random)), popular, random);
    const { version } = entry(fleet.versions, weighted(fleet.versions, random));
    return {
      number,
      computeClass: `${kind.name}-${Math.round(CLASSES_PER_DOUBLING * Math.log2(decode_tps))}`,
      version,
      latency_ms: entry(fleet.regions, weighted(fleet.regions, random)).latency_ms,
      decode_tps,
      prefill_tps: decode_tps * draw(kind.prefill_per_decode, random),
      memory_gb,
      load_gb_per_s: draw(kind.load_gb_per_s, random),
      concurrency: Math.max(1, Math.round(draw(kind.concurrency, random))),
      slots_max: kind.slots_max,
      builds: carried,
      resident: fitting(carried, builds, memory_gb, Math.min(kind.slots_max, Math.round(draw(kind.builds_resident, random)))),
      batchSlope: fleet.batch_slope,
      faults: faults.filter((fault) => faultDice() < fault.share || fault.version === version),
    };
  });
}

/** Machines of one compute class are alike: their speeds differ by no more than a fifth. */
const CLASSES_PER_DOUBLING = 4;
/** Memory that the system and other programs leave to models. */
export const USABLE_MEMORY = 0.9;
/** A machine takes builds of which at least so many times the size fits its memory. */
const MEMORY_PER_SIZE = 2;
/** Draws for each build wanted; popular builds come up again and again. */
const TRIES_PER_BUILD = 20;

/** Different builds that the machine can hold, popular ones more often than others. */
function carriedBuilds(
  builds: readonly SimulatedBuild[],
  memory_gb: number,
  wanted: number,
  popular: (random: () => number) => number,
  random: () => number,
): readonly number[] {
  const chosen = new Set<number>();
  for (let tries = 0; chosen.size < wanted && tries < wanted * TRIES_PER_BUILD; tries += 1) {
    const build = popular(random);
    if (entry(builds, build).size_gb * MEMORY_PER_SIZE <= memory_gb) chosen.add(build);
  }
  return [...chosen];
}

/** How many of the first builds fit memory together, and leave as much again for what they will be told. */
function fitting(carried: readonly number[], builds: readonly SimulatedBuild[], memory_gb: number, wanted: number): number {
  let taken_gb = 0;
  let count = 0;
  for (const build of carried.slice(0, wanted)) {
    taken_gb += entry(builds, build).size_gb;
    if (count > 0 && taken_gb * MEMORY_PER_SIZE > memory_gb * USABLE_MEMORY) break;
    count += 1;
  }
  return count;
}

/** An index that comes from a count of the same list. */
export function entry<Entry>(list: readonly Entry[], index: number): Entry {
  const found = list[index];
  if (found === undefined) throw new RangeError(`no entry ${index} among ${list.length}`);
  return found;
}
