import { ifAway } from "../away.js";
import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import { lifeOf, type Scene, type Services } from "../story.js";
import { departure } from "./departure.js";
import { deposit } from "./deposits.js";
import { frozen, gift, invited } from "./gifts.js";
import type { Outside } from "./outside.js";
import { present } from "./presence.js";
import { withdrawal } from "./withdrawal.js";

/** What happens in a world of money that comes, goes and is given, beside requests; threads of it mix. */
export function movementStory(cast: Cast, chance: Chance, outside: Outside): readonly Scene[] {
  const threads: Scene[][] = [];
  const some = (probability: number, thread: () => Scene[]): void => {
    if (chance.happens(probability)) threads.push(thread());
  };
  const withdraws = chance.happens(0.6);
  const first = withdraws ? gift(cast, chance, "reward", 0) : [];
  some(0.6, () => deposit(cast, chance, outside));
  some(0.15, () => deposit(cast, chance, outside));
  if (withdraws) threads.push(withdrawal(cast, chance, 0));
  some(withdraws ? 0.3 : 0, () => withdrawal(cast, chance, 1));
  some(0.3, () => invited(cast));
  some(0.3, () => gift(cast, chance, "credit", 1));
  some(0.15, () => frozen(cast, chance));
  some(0.2, () => present(cast, chance));
  some(0.4, () => lifeOf(cast, 0, chance));
  some(0.15, () => departure(cast, chance));
  return [...first, ...mixed(threads, chance)];
}

/** Each thread in its own order. */
function mixed(threads: readonly Scene[][], chance: Chance): Scene[] {
  const left = threads.filter((thread) => thread.length > 0).map((thread) => [...thread]);
  const story: Scene[] = [];
  while (left.length > 0) {
    const thread = chance.pick(left);
    const deed = thread.shift();
    if (deed !== undefined) story.push(deed);
    if (thread.length === 0) left.splice(left.indexOf(thread), 1);
  }
  return story;
}

export interface Chore {
  readonly every_ms: number;
  readonly run: (services: Services) => Promise<unknown>;
}

const MINUTE_ms = 60_000;
const HOUR_ms = 3_600_000;

/** What a coordinator does by itself; a failure is repeated with the next turn. */
export const CHORES: readonly Chore[] = [
  { every_ms: 1_000, run: ({ payments }) => payments.work().catch(ifAway) },
  { every_ms: MINUTE_ms, run: async ({ ledger }) => void (await ledger.gatherFees().catch(ifAway)) },
  { every_ms: HOUR_ms, run: ({ payments }) => payments.reconcile().catch(ifAway) },
  { every_ms: HOUR_ms, run: ({ dataRights }) => dataRights.eraseDue().catch(ifAway) },
];
