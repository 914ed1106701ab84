import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { audit } from "./testing/audit.js";
import { type Books, fund, machine, openBooks, request, terminal, usage } from "./testing/books.js";

const REQUESTS = 2_000;
const AFFORDABLE = 1_000;
const COST_MICRO_USD = 250n;
/** Two statements of the account are written at a time, each as the disk takes it, whatever else the machine does. */
const PATIENCE_ms = 120_000;

describe("a rush on one account", () => {
  let database: TestDatabase;
  let books: Books;
  beforeAll(async () => {
    database = await createTestDatabase();
    books = await openBooks(database.store);
  });
  afterAll(async () => {
    await books.ledger.close(0);
    await database.close();
  });

  it(
    `of ${REQUESTS} requests at once with money for ${AFFORDABLE}: exactly that much is spent, and nobody is charged for nothing`,
    async () => {
      const { ledger } = books;
      const consumer = await fund(ledger, COST_MICRO_USD * BigInt(AFFORDABLE));
      const requests = Array.from({ length: REQUESTS }, () => request(consumer));
      const held = await Promise.all(requests.map((asked) => ledger.hold(asked)));
      const admitted = requests.filter((_, index) => held[index]?.ok === true);
      expect(admitted).toHaveLength(AFFORDABLE);
      const refused = held.filter((outcome) => !outcome.ok);
      expect(refused.every((outcome) => !outcome.ok && outcome.reason === "insufficient_funds")).toBe(true);
      expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 0n, held_microUsd: COST_MICRO_USD * BigInt(AFFORDABLE) });

      const servedBy = machine("rush-provider");
      const settled = await Promise.all(
        admitted.map(({ requestId }) => ledger.settle(terminal(requestId, { usage: usage(1_000, 1_000), servedBy }))),
      );
      // Those that wait their turn for longer than a consumer does are told so, and settle all the same.
      expect(settled.every(({ state }) => state === "settled" || state === "pending")).toBe(true);
      await expect.poll(() => ledger.balance(consumer).then(({ held_microUsd }) => held_microUsd), { timeout: PATIENCE_ms / 2 }).toBe(0n);
      expect(await ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 0n });
      expect(await ledger.balance("rush-provider")).toMatchObject({ withdrawable_microUsd: COST_MICRO_USD * BigInt(AFFORDABLE) });
      expect(await audit(database.store, [consumer, "rush-provider"], [])).toEqual([]);
    },
    PATIENCE_ms,
  );
});
