import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createLedger, type Ledger, openStore, type Store } from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { type Bench, machine, percentile, type Table } from "../report.js";

const CONCURRENCIES = [1, 16, 64] as const;
const ACCOUNTS = 200;
const FUNDS_microUsd = 1_000_000_000n;
const SECONDS_default = 4;
/** Requests at a time of the one account that asks more than the ledger does for one. */
const CROWD = 64;
/** As many as a coordinator has. */
const CONNECTIONS = 20;
const FEE_percent = 10;
const PRICES = { input_microUsd: 50_000n, output_microUsd: 200_000n, source: "fallback" } as const;

/** What was done again and again by so many at a time. */
interface Rate {
  readonly concurrency: number;
  readonly perSecond: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

interface Figures {
  readonly plainInserts: readonly Rate[];
  readonly manyAccounts: readonly Rate[];
  /** The same where the operator keeps a fee. */
  readonly withFee: readonly Rate[];
  readonly oneAccount: readonly Rate[];
  /** What the many notice of a crowd on one account. */
  readonly besideCrowd: readonly Rate[];
}

/** Holds and settlements on the Postgres that a coordinator starts itself, as durable as it is by default. */
export const ledger: Bench = {
  description: "holds with their settlements per second on the embedded Postgres, of many accounts and of one, beside plain inserts",
  run: async (progress, { seconds = SECONDS_default }) => {
    const home = await mkdtemp(path.join(tmpdir(), "umbel-bench-ledger-"));
    const store = await openStore({ home, connections_max: CONNECTIONS });
    const parts = { store, clock: systemClock };
    const books = await createLedger({ ...parts, instanceId: "bench", spill: path.join(home, "spill.jsonl") });
    const taxing = await createLedger({
      ...{ ...parts, instanceId: "bench-fee", spill: path.join(home, "spill-fee.jsonl") },
      settings: { platformFeePercent: FEE_percent },
    });
    try {
      await store.client`create table bench_inserts (id bigint generated always as identity primary key, account text, delta bigint, at timestamptz default now())`;
      const accounts = Array.from({ length: ACCOUNTS }, (_, index) => `account-${index}`);
      for (const account of [...accounts, "crowd"]) await fund(books, account);
      const measured = async (what: string, work: (worker: number) => Promise<void>): Promise<Rate[]> => {
        const rates: Rate[] = [];
        for (const concurrency of CONCURRENCIES) {
          progress(`${what}, ${concurrency} at a time …`);
          rates.push(await rateOf(work, concurrency, seconds));
        }
        return rates;
      };
      let next = 0;
      const anyAccount = (): string => accounts[next++ % accounts.length] ?? "account-0";
      const rateBesideCrowd = async (): Promise<Rate> => {
        progress(`requests of ${ACCOUNTS} accounts, 16 at a time, beside ${CROWD} of one account …`);
        const crowd = rateOf(() => serve(books, "crowd", "provider-0"), CROWD, seconds);
        const rate = await rateOf(() => serve(books, anyAccount(), `provider-${next % ACCOUNTS}`), 16, seconds);
        await crowd;
        return rate;
      };
      const figures: Figures = {
        plainInserts: await measured("plain inserts", () => insert(store)),
        manyAccounts: await measured(`requests of ${ACCOUNTS} accounts`, () => serve(books, anyAccount(), `provider-${next % ACCOUNTS}`)),
        withFee: await measured("the same with a fee", () => serve(taxing, anyAccount(), `provider-${next % ACCOUNTS}`)),
        oneAccount: await measured("requests of one account", () => serve(books, "account-0", "provider-0")),
        besideCrowd: [await rateBesideCrowd()],
      };
      return { machine: machine(), tables: [tableOf(figures)], figures: { seconds, ...figures } };
    } finally {
      await Promise.all([books.close(5_000), taxing.close(5_000)]);
      await store.close();
      await rm(home, { recursive: true, force: true });
    }
  },
};

async function fund(books: Ledger, accountId: string): Promise<void> {
  await books.credit({
    accountId,
    amount_microUsd: FUNDS_microUsd,
    kind: "deposit",
    idempotencyKey: `fund:${accountId}`,
    reference: "bench",
  });
}

/** One row in one transaction: as little as a durable change can be. */
async function insert(store: Store): Promise<void> {
  await store.client`insert into bench_inserts (account, delta) values ('account', 1)`;
}

/** A request's money from its hold to its settlement: two transactions, as in a coordinator. */
async function serve(books: Ledger, accountId: string, provider: string): Promise<void> {
  const requestId = randomUUID();
  const bounds = { promptBound_tokens: 1_000, outputBound_tokens: 1_000 };
  const held = await books.hold({
    requestId,
    accountId,
    keyId: undefined,
    build: "build",
    publicModel: "model",
    ...bounds,
    prices: PRICES,
  });
  if (!held.ok) throw new Error("the bench has run out of money");
  const usage = { prompt_tokens: 400, completion_tokens: 800, reasoning_tokens: 0, cached_prompt_tokens: 0 };
  const servedBy = { sessionId: "session", machineId: provider, accountId: provider };
  await books.settle({ requestId, usage, servedBy, reason: "complete" });
}

async function rateOf(work: (worker: number) => Promise<void>, concurrency: number, seconds: number): Promise<Rate> {
  const took_ms: number[] = [];
  const start_ms = performance.now();
  const end_ms = start_ms + seconds * 1_000;
  const lane = async (worker: number): Promise<void> => {
    for (let now_ms = performance.now(); now_ms < end_ms; ) {
      await work(worker);
      const then_ms = performance.now();
      took_ms.push(then_ms - now_ms);
      now_ms = then_ms;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => lane(worker)));
  const elapsed_s = (performance.now() - start_ms) / 1_000;
  return { concurrency, perSecond: took_ms.length / elapsed_s, p50_ms: percentile(took_ms, 0.5), p99_ms: percentile(took_ms, 0.99) };
}

function tableOf({ plainInserts, manyAccounts, withFee, oneAccount, besideCrowd }: Figures): Table {
  const row = (what: string, rates: readonly Rate[]) =>
    rates.map(({ concurrency, perSecond, p50_ms, p99_ms }) => [what, concurrency, perSecond, p50_ms, p99_ms]);
  return {
    title: "Durable work per second (a request is a hold and a settlement)",
    header: ["work", "at a time", "per second", "p50 ms", "p99 ms"],
    rows: [
      ...row("plain insert", plainInserts),
      ...row("request, many accounts", manyAccounts),
      ...row(`request, many accounts, fee of ${FEE_percent} %`, withFee),
      ...row("request, one account", oneAccount),
      ...row(`request, many accounts, beside ${CROWD} of one`, besideCrowd),
    ],
  };
}
