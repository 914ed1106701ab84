import { ifAway } from "../away.js";
import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Deed, Scene } from "../story.js";

/** As its cap is named in `cast.ts`. */
const COMPUTE_CLASS = "simulated";

/** Until the minutes before are paid for. */
const EPOCH_ms = 7 * 60_000;

/** Machines are there for a while, and their owner is paid for that, whoever settles it how often. */
export function present(cast: Cast, chance: Chance): Scene[] {
  const seen = {
    accountId: cast.provider,
    online: true,
    trusted: true,
    trustLevel: "self_signed",
    computeClass: COMPUTE_CLASS,
    memory_gb: 64,
    memoryPressure: 0,
    thermal: "nominal",
    hasModel: true,
  } as const;
  const machines = ["a", "b"].map((name) => ({ ...seen, machineId: `s${cast.seed}-present-${name}` }));
  const noted: Deed = async ({ rewards }) => void (await rewards.note(machines).catch(ifAway));
  const settled: Deed = async ({ rewards }) => void (await rewards.settle().catch(ifAway));
  const once = [noted, EPOCH_ms, settled, settled];
  return chance.happens(0.3) ? [...once, ...once] : once;
}
