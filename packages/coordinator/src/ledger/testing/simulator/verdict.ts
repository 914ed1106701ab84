import type { Store } from "../../../store/index.js";
import { audit } from "../audit.js";
import { castOf, DEAR_PROVIDER } from "./cast.js";
import type { WorldOutcome } from "./world.js";

export interface Violation {
  readonly seed: number | undefined;
  readonly what: string;
}

interface Final {
  readonly request_id: string;
  readonly state: "held" | "parked" | "settled" | "released";
  readonly cost: bigint | null;
}

/** What is wrong after worlds have come to rest: in the books, or in what somebody was told. */
export async function judge(store: Store, worlds: readonly WorldOutcome[]): Promise<readonly Violation[]> {
  const casts = worlds.map(({ seed }) => castOf(seed));
  const accounts = casts.flatMap(({ consumer, provider, referrer }) => [consumer, provider, referrer]);
  const books = await audit(
    store,
    [...accounts, DEAR_PROVIDER],
    casts.map(({ key }) => key),
  );
  const rows = await store.client<Final[]>`select request_id, state, cost from reservations`;
  const finals = new Map(rows.map((row) => [row.request_id, row]));
  const keys = await store.client<{ key: string }[]>`select idempotency_key as key from ledger_transactions where kind = 'deposit'`;
  const credits = new Set(keys.map(({ key }) => key));
  const twice = await store.client<{ account_id: string; times: bigint }[]>`select account_id, count(*) as times from ledger_entries
    where entry_type = 'deposit' and account_id like 's%-consumer' group by account_id having count(*) > 1`;
  return [
    ...books.map((what) => ({ seed: seedIn(what), what })),
    ...twice.map(({ account_id, times }) => ({
      seed: seedIn(account_id),
      what: `P18 one deposit of ${account_id} was credited ${times} times`,
    })),
    ...rows
      .filter(({ state }) => state === "held" || state === "parked")
      .map(({ request_id, state }) => ({ seed: seedIn(request_id), what: `P6 ${request_id} is ${state} for ever` })),
    ...worlds.flatMap((world) => [
      ...(world.hung ? [{ seed: world.seed, what: "P6 the world does not come to rest" }] : []),
      ...brokenWords(world, finals, credits).map((what) => ({ seed: world.seed, what })),
      ...lostTerminals(world, finals).map((what) => ({ seed: world.seed, what })),
      ...world.untrue.map((what) => ({ seed: world.seed, what })),
    ]),
  ];
}

/** Words that were given and not kept (P20): whatever a caller has heard, the books must bear out. */
function brokenWords({ told, keepsEverything }: WorldOutcome, finals: ReadonlyMap<string, Final>, credits: ReadonlySet<string>): string[] {
  const mayBeOver = new Set(told.flatMap((word) => (word.about === "release" || word.about === "late" ? [word.request] : [])));
  return told.flatMap((word): string[] => {
    if (word.about === "surprise") return [`P21 ${word.what}`];
    if (word.about === "late" || word.about === "posted" || word.about === "withdrawal") return [];
    if (word.about === "credit") {
      return word.word === "credited" && !credits.has(word.key) ? [`P20 ${word.key} was credited, and is not in the books`] : [];
    }
    const final = finals.get(word.request);
    const state = final?.state ?? "absent";
    switch (word.about) {
      case "hold":
        if (word.word === "held") return final === undefined ? [`P20 ${word.request} was held, and is not in the books`] : [];
        // Nobody was let in: then nobody pays.
        return state === "absent" || (word.word === "no answer" && state === "released")
          ? []
          : [`P20 ${word.request} was not let in, and is ${state}`];
      case "release":
        if (word.word === "released") return state === "released" ? [] : [`P5 ${word.request} was released, and is ${state}`];
        return [];
      case "settle": {
        const { outcome } = word;
        if (outcome.state === "settled" && (state !== "settled" || final?.cost !== outcome.cost_microUsd))
          return [`P5 ${word.request} was settled for ${outcome.cost_microUsd}, and is ${state} for ${final?.cost}`];
        if (outcome.state === "released" && state !== "released") return [`P5 ${word.request} was released, and is ${state}`];
        if (keepsEverything && !mayBeOver.has(word.request) && outcome.state !== "released" && state !== "settled")
          return [`P20 the terminal of ${word.request} was taken, and it is ${state}`];
        return [];
      }
      default:
        return [];
    }
  });
}

/** Terminals that were on disk before they were booked, and of which the provider sees nothing (P20). */
function lostTerminals({ told, spilled, keepsEverything }: WorldOutcome, finals: ReadonlyMap<string, Final>): string[] {
  if (!keepsEverything) return [];
  const mayBeOver = new Set(told.flatMap((word) => (word.about === "release" || word.about === "late" ? [word.request] : [])));
  return [...spilled]
    .filter((request) => !mayBeOver.has(request) && finals.get(request)?.state !== "settled")
    .map((request) => `P20 the terminal of ${request} was on disk, and it is ${finals.get(request)?.state}`);
}

function seedIn(text: string): number | undefined {
  const [, digits] = /\bs(\d+)-/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
