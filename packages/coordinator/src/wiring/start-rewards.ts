import type { Clock } from "@umbel/protocol";
import type { ProviderView } from "@umbel/routing";
import type { Logger } from "../insight/index.js";
import type { Rewards } from "../rewards/index.js";
import { createLoops } from "./loops.js";
import { seenMachines } from "./seen-machines.js";

/** How often it is noted which machines are there: three times in each minute that is judged, so that a restart takes none away. */
const LOOK_INTERVAL_ms = 20_000;
const SETTLE_INTERVAL_ms = 60_000;

interface RewardParts {
  readonly rewards: Rewards;
  readonly clock: Clock;
  readonly views: () => Iterable<ProviderView>;
  readonly log: Logger;
}

/** Notes which machines are there, and pays them for it. @returns what stops it */
export function startRewards({ rewards, clock, views, log }: RewardParts): () => Promise<void> {
  const loops = createLoops(clock, log);
  loops.every(LOOK_INTERVAL_ms, () => rewards.note(seenMachines(views())), "it was not noted which machines are there");
  const settle = async (): Promise<void> => {
    const epochs = await rewards.settle();
    if (epochs > 0) log.info({ event: "rewards_settled", epochs }, "machines were paid for being there");
    await rewards.sweep();
  };
  loops.every(SETTLE_INTERVAL_ms, settle, "machines were not paid for being there", "error");
  return () => loops.stop();
}
