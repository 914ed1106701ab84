import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import type { HoldRequest, Settlement } from "./index.js";
import { clampUsage, costOf } from "./price.js";
import { createSpillFile } from "./spill-file.js";
import { audit, openReservations, photograph } from "./testing/audit.js";
import { type Books, fund, machine, newSpillPath, openBooks } from "./testing/books.js";

const CONSUMERS = 3;
const KEY_LIMIT_MICRO_USD = 1_500n;
/** Chosen so that consumers and keys run dry now and then. */
const FUNDS_MICRO_USD = 3_000n;

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  store = database.store;
});
afterAll(async () => {
  await database.close();
});

const consumer = fc.nat({ max: CONSUMERS - 1 });
/** Which of the requests made so far, newest first. */
const which = fc.nat({ max: 4 });
const tokens = fc.oneof(fc.nat({ max: 2_000 }), fc.constantFrom(-1, 0, 10 ** 9, Number.NaN));
const price = fc.bigInt({ min: 1n, max: 1_000_000n });

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("hold" as const),
      consumer,
      withKey: fc.boolean(),
      prompt: fc.nat({ max: 2_000 }),
      output: fc.nat({ max: 2_000 }),
      input_microUsd: price,
      output_microUsd: price,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("settle" as const, "spill" as const),
      which,
      prompt: tokens,
      output: tokens,
      // A machine of its own owner, of another consumer (who then earns), of a stranger, or of nobody.
      server: fc.constantFrom("self", "consumer 0", "consumer 1", "stranger", "nobody"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("park" as const, "release" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat" as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;
/** Commands of one step run at the same time. */
const history = fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 });

interface World {
  books: Books;
  readonly spillPath: string;
  readonly accounts: readonly string[];
  readonly keys: readonly string[];
  readonly requests: HoldRequest[];
  readonly settlements: Settlement[];
}

async function createWorld(): Promise<World> {
  const run = randomUUID();
  const spillPath = newSpillPath();
  const settings = { platformFeePercent: 7 };
  const books = await openBooks(store, { spillPath, settings });
  const accounts = Array.from({ length: CONSUMERS }, (_, index) => `consumer-${index}-${run}`);
  const keys = accounts.map((account) => `key-${account}`);
  for (const [index, account] of accounts.entries()) {
    await fund(books.ledger, FUNDS_MICRO_USD, account);
    await store.client`insert into users (account_id, display_name) values (${account}, '')`;
    await store.client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_micro_usd, limit_reset, allowed_models)
      values (${keys[index] ?? ""}, ${account}, '', ${account}, '', ${KEY_LIMIT_MICRO_USD}, 'daily', '{}')`;
  }
  return { books, spillPath, accounts: [...accounts, `stranger-${run}`], keys, requests: [], settlements: [] };
}

async function perform(world: World, step: Command): Promise<void> {
  const { ledger } = world.books;
  if (step.do === "hold") {
    const request: HoldRequest = {
      requestId: randomUUID(),
      accountId: world.accounts[step.consumer] ?? "",
      keyId: step.withKey ? world.keys[step.consumer] : undefined,
      build: "build",
      publicModel: "model",
      promptBound_tokens: step.prompt,
      outputBound_tokens: step.output,
      prices: { input_microUsd: step.input_microUsd, output_microUsd: step.output_microUsd, source: "platform" },
    };
    if ((await ledger.hold(request)).ok) world.requests.push(request);
    return;
  }
  if (step.do === "crash") {
    // The old one is not told: whatever it still does must change nothing that is final.
    const next = await openBooks(store, { spillPath: world.spillPath, settings: { platformFeePercent: 7 } });
    await next.ledger.recover();
    world.books = next;
    return;
  }
  if (step.do === "repeat") {
    const earlier = world.settlements.at(-1 - step.which);
    if (earlier) await ledger.settle(earlier);
    return;
  }
  const request = world.requests.at(-1 - step.which);
  if (!request) return;
  if (step.do === "park") await ledger.park(request.requestId);
  if (step.do === "release") await ledger.release(request.requestId, "provider_error");
  if (step.do === "settle" || step.do === "spill") {
    const settlement = terminalOf(world, request, step);
    world.settlements.push(settlement);
    if (step.do === "settle") await ledger.settle(settlement);
    // As a process does that is killed before it has booked it; the file holds what the wire's schema lets through.
    else await createSpillFile(world.spillPath).append({ ...settlement, usage: clampUsage(settlement.usage, request).usage }, new Date());
  }
}

function terminalOf(world: World, request: HoldRequest, step: { prompt: number; output: number; server: string }): Settlement {
  const servers: Record<string, string | undefined> = {
    self: request.accountId,
    "consumer 0": world.accounts[0],
    "consumer 1": world.accounts[1],
    stranger: world.accounts[CONSUMERS],
  };
  return {
    requestId: request.requestId,
    usage: { prompt_tokens: step.prompt, completion_tokens: step.output, reasoning_tokens: 0, cached_prompt_tokens: 0 },
    servedBy: machine(servers[step.server]),
    reason: "complete",
  };
}

/** P7: what was charged follows from terms and one of the reported usages, and from nothing else. */
async function wrongCosts(world: World): Promise<readonly string[]> {
  const settled = await store.client<{ request_id: string; cost: bigint; hold: bigint }[]>`
    select request_id, cost, hold from reservations where state = 'settled' and account_id in (
      select jsonb_array_elements_text(${JSON.stringify(world.accounts)}::text::jsonb))`;
  return settled.flatMap(({ request_id, cost, hold }) => {
    const request = world.requests.find((each) => each.requestId === request_id);
    if (!request || cost > hold) return [`P7 ${request_id} costs ${cost} of ${hold}`];
    const possible = world.settlements
      .filter((each) => each.requestId === request_id)
      .map((each) => (each.servedBy.accountId === request.accountId ? 0n : costOf(clampUsage(each.usage, request).usage, request.prices)));
    return possible.includes(cost) ? [] : [`P7 ${request_id} costs ${cost}, not ${possible.join(" or ")}`];
  });
}

describe("whatever happens to the books", () => {
  it("they balance after every step, every hold ends, and nothing happens twice", async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const world = await createWorld();
        for (const step of steps) {
          await Promise.all(step.map((each) => perform(world, each)));
          expect(await audit(store, world.accounts, world.keys)).toEqual([]);
          expect(await wrongCosts(world)).toEqual([]);
        }
        await perform(world, { do: "crash" });
        expect(await openReservations(store, world.accounts)).toBe(0);
        const before = await photograph(store, world.accounts);
        for (const settlement of world.settlements) await world.books.ledger.settle(settlement);
        for (const request of world.requests) await world.books.ledger.release(request.requestId, "provider_error");
        await world.books.ledger.recover();
        expect(await photograph(store, world.accounts)).toEqual(before);
        await world.books.ledger.close(0);
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
