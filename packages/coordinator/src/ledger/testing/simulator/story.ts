import type { Administration, DataRights, Invites } from "../../../accounts/index.js";
import type { Payments } from "../../../payments/index.js";
import type { Rewards } from "../../../rewards/index.js";
import { FALLBACK_PRICES } from "../../price.js";
import { type HoldRequest, IdempotencyConflictError, type Ledger, type Settlement, type SettleOutcome } from "../../types.js";
import { ifAway } from "./away.js";
import { BUILD, beginsFunded, type Cast, DEAR_PROVIDER, FUNDS_MICRO_USD } from "./cast.js";
import type { Chance } from "./chance.js";

/** What somebody outside has been told, and may rely on. */
export type Told =
  | { readonly about: "hold"; readonly request: string; readonly word: "held" | "refused" | "no answer" }
  | { readonly about: "settle"; readonly request: string; readonly outcome: SettleOutcome }
  /** `asked`: whether it happened is open. */
  | { readonly about: "release"; readonly request: string; readonly word: "asked" | "released" | "was over" }
  /** A terminal came to another process than the request had; by then it may be over. */
  | { readonly about: "late"; readonly request: string }
  /** An error that no outage explains. */
  | { readonly about: "surprise"; readonly what: string }
  | { readonly about: "credit"; readonly key: string; readonly word: "credited" | "conflict" }
  /** Something has happened under this key of the books. */
  | { readonly about: "posted"; readonly key: string }
  | { readonly about: "withdrawal"; readonly id: string };

/** What a coordinator does about money. */
export interface Services {
  readonly ledger: Ledger;
  readonly payments: Payments;
  readonly invites: Invites;
  readonly administration: Administration;
  readonly rewards: Rewards;
  readonly dataRights: DataRights;
}

/** One thing that happens to money; told what came of it if the process lives to say so. */
export type Deed = (services: Services, tell: (told: Told) => void) => Promise<void>;
/** A deed, or milliseconds in which nobody does anything. */
export type Scene = Deed | number;

const PROMPT_TOKENS = 1_000;

/** What happens in a world of requests, in the order in which it begins; deeds may overlap. */
export function requestStory(cast: Cast, chance: Chance): readonly Deed[] {
  const deeds: Deed[] = beginsFunded(cast.seed) ? [] : [credited(cast, "fund", FUNDS_MICRO_USD)];
  if (chance.happens(0.3)) deeds.push(credited(cast, "fund", FUNDS_MICRO_USD + (chance.happens(0.3) ? 1n : 0n)));
  const requests = chance.happens(0.3) ? 2 : 1;
  for (let index = 0; index < requests; index += 1) deeds.push(...lifeOf(cast, index, chance));
  if (chance.happens(0.2)) deeds.push(claimed(cast));
  return deeds;
}

function credited(cast: Cast, key: string, amount_microUsd: bigint): Deed {
  const idempotencyKey = `s${cast.seed}-${key}`;
  return async ({ ledger }, tell) => {
    const credit = { accountId: cast.consumer, amount_microUsd, kind: "deposit", idempotencyKey, reference: idempotencyKey } as const;
    try {
      await ledger.credit(credit);
      tell({ about: "credit", key: idempotencyKey, word: "credited" });
    } catch (error) {
      if (error instanceof IdempotencyConflictError) return tell({ about: "credit", key: idempotencyKey, word: "conflict" });
      ifAway(error);
    }
  };
}

function claimed({ orphanMachine, provider }: Cast): Deed {
  return async ({ ledger }) => {
    await ledger.claim(orphanMachine, provider).catch(ifAway);
  };
}

/** A request from its hold to its end, or ends: providers repeat themselves, and consumers leave. */
export function lifeOf(cast: Cast, index: number, chance: Chance): Deed[] {
  const requestId = cast.request(index);
  const request: HoldRequest = {
    requestId,
    accountId: cast.consumer,
    keyId: chance.happens(0.5) ? cast.key : undefined,
    build: BUILD,
    publicModel: "model",
    promptBound_tokens: PROMPT_TOKENS,
    outputBound_tokens: chance.pick([100, 1_000, 4_000]),
    prices: FALLBACK_PRICES,
  };
  const who = chance.pick(["provider", "dear", "nobody", "self", "referrer"] as const);
  const accountId = { provider: cast.provider, dear: DEAR_PROVIDER, nobody: undefined, self: cast.consumer, referrer: cast.referrer }[who];
  const servedBy = { sessionId: "session", machineId: who === "nobody" ? cast.orphanMachine : `${who}-machine`, accountId };
  const usage = {
    prompt_tokens: chance.pick([0, 500, PROMPT_TOKENS, -5, 10 ** 9]),
    completion_tokens: chance.pick([0, 50, 1_000, 10 ** 9]),
    reasoning_tokens: 0,
    cached_prompt_tokens: 0,
  };
  const ends = chance.pick(["settle", "settle", "settle", "release", "park", "both", "nothing"] as const);
  const repeats = chance.happens(0.4) ? 2 : 1;
  const givesUpFirst = chance.happens(0.3);
  let settlement: Settlement | undefined;
  let holder: Ledger | undefined;

  const begin: Deed = async ({ ledger }, tell) => {
    holder = ledger;
    const outcome = await ledger.hold(request).catch(ifAway);
    tell({ about: "hold", request: requestId, word: outcome === undefined ? "no answer" : outcome.ok ? "held" : "refused" });
    if (outcome?.ok !== true) return;
    if (givesUpFirst) {
      const first = await ledger.attempt({ requestId, attempt: 0, machineId: "dear-machine", accountId: DEAR_PROVIDER }).catch(ifAway);
      if (first?.ok === true) await ledger.abandon(requestId, 0).catch(ifAway);
    }
    const attempt = await ledger.attempt({ requestId, attempt: 1, ...servedBy }).catch(ifAway);
    // Whoever cannot be paid is not asked.
    if (attempt?.ok !== true) return release(ledger, tell);
    const own = attempt.ownPrices === undefined ? {} : { ownPrices: attempt.ownPrices };
    settlement = { requestId, attempt: 1, ...own, usage, servedBy, reason: "complete" };
    if (ends === "park") await ledger.park(requestId).catch(ifAway);
    if (ends === "release") return release(ledger, tell);
    if (ends === "nothing") settlement = undefined;
  };
  const release = async (ledger: Ledger, tell: (told: Told) => void): Promise<void> => {
    tell({ about: "release", request: requestId, word: "asked" });
    const first = await ledger.release(requestId, "provider_error").catch(ifAway);
    if (first !== undefined) tell({ about: "release", request: requestId, word: first ? "released" : "was over" });
  };
  /** Also by a later process: a terminal that comes late. */
  const settled: Deed = async ({ ledger }, tell) => {
    if (settlement === undefined) return;
    if (ledger !== holder) tell({ about: "late", request: requestId });
    tell({ about: "settle", request: requestId, outcome: await ledger.settle(settlement) });
  };
  const rest: Deed[] = Array.from({ length: repeats }, () => settled);
  if (ends === "both")
    rest.splice(chance.below(rest.length + 1), 0, async ({ ledger }, tell) =>
      settlement === undefined ? undefined : release(ledger, tell),
    );
  return [begin, ...rest];
}
