import type { SystemMetrics } from "@umbel/protocol";
import type { Sources } from "./sources.js";

type Thermal = SystemMetrics["thermal_state"];

const ZONES = "/sys/class/thermal";
/** A zone's own trip points say what is hot for it; degrees below them count as the milder state. */
const SERIOUS_MARGIN_c = 5;
const FAIR_MARGIN_c = 15;

/** How hot the machine is; what does not tell is taken to be well. */
export async function readThermal(sources: Sources): Promise<Thermal> {
  switch (sources.platform) {
    case "linux":
      return fromZones(sources);
    case "darwin":
      return fromPmset(await sources.run("/usr/bin/pmset", ["-g", "therm"]));
    default:
      return "nominal";
  }
}

async function fromZones({ list, read }: Sources): Promise<Thermal> {
  let worst: Thermal = "nominal";
  for (const zone of (await list(ZONES)).filter((name) => name.startsWith("thermal_zone"))) {
    const folder = `${ZONES}/${zone}`;
    const now_c = degrees(await read(`${folder}/temp`));
    const limit_c = await limitOf(folder, { list, read });
    if (now_c !== undefined && limit_c !== undefined) worst = worse(worst, stateAt(limit_c - now_c));
  }
  return worst;
}

/** The lowest temperature at which the zone slows the machine down or turns it off. */
async function limitOf(folder: string, { list, read }: Pick<Sources, "list" | "read">): Promise<number | undefined> {
  const limits: number[] = [];
  for (const file of (await list(folder)).filter((name) => /^trip_point_\d+_type$/.test(name))) {
    const kind = (await read(`${folder}/${file}`))?.trim();
    const limit_c = degrees(await read(`${folder}/${file.replace("_type", "_temp")}`));
    if (limit_c !== undefined && (kind === "critical" || kind === "hot")) limits.push(limit_c);
  }
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function stateAt(left_c: number): Thermal {
  if (left_c <= 0) return "critical";
  if (left_c <= SERIOUS_MARGIN_c) return "serious";
  return left_c <= FAIR_MARGIN_c ? "fair" : "nominal";
}

/** macOS says by how much it has slowed the processor down: 100 is not at all. */
function fromPmset(text: string | undefined): Thermal {
  const limit = Number(/CPU_Speed_Limit\s*=\s*(\d+)/.exec(text ?? "")?.[1] ?? 100);
  if (limit < 50) return "critical";
  if (limit < 80) return "serious";
  return limit < 100 ? "fair" : "nominal";
}

const ORDER: readonly Thermal[] = ["nominal", "fair", "serious", "critical"];

function worse(a: Thermal, b: Thermal): Thermal {
  return ORDER.indexOf(a) > ORDER.indexOf(b) ? a : b;
}

/** The kernel counts in thousandths; a broken sensor reports nonsense. */
function degrees(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? "", 10) / 1_000;
  return value > 0 && value < 200 ? value : undefined;
}
