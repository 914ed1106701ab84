import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { audit } from "./testing/audit.js";
import { type Books, fund, machine, openBooks, person, request, terminal, usage } from "./testing/books.js";

/** Worked sequences of money.md §23 that no other test tells as a whole. `PROPERTIES.md` says where the others are. */
describe("the worked sequence", () => {
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

  it("11: who earns, spends, restarts and deposits can withdraw nothing", async () => {
    const payer = await fund(books.ledger, 1_000n);
    const trickster = `trickster-${randomUUID()}`;
    const earned = request(payer);
    await books.ledger.hold(earned);
    await books.ledger.settle(terminal(earned.requestId, { usage: usage(1_000, 1_000), servedBy: machine(trickster) }));
    expect(await books.ledger.balance(trickster)).toMatchObject({ withdrawable_microUsd: 250n });
    const spent = request(trickster);
    await books.ledger.hold(spent);
    await books.ledger.settle(terminal(spent.requestId, { usage: usage(1_000, 1_000) }));
    await books.ledger.close(0);
    books = await openBooks(database.store);
    await books.ledger.recover();
    await fund(books.ledger, 250n, trickster);
    expect(await books.ledger.balance(trickster)).toEqual({ spendable_microUsd: 250n, held_microUsd: 0n, withdrawable_microUsd: 0n });
    expect(await audit(database.store, [payer, trickster], [])).toEqual([]);
  });

  it("12: a key of 1,000 admits three holds of 300 at once, and a fourth when they have cost less", async () => {
    const consumer = await person(books.ledger, database.store, { funds_microUsd: 10_000n });
    const keyId = `key_${randomUUID()}`;
    await database.store
      .client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_micro_usd, limit_reset, allowed_models)
      values (${keyId}, ${keyId}, '', ${consumer}, '', 1000, 'none', '{}')`;
    const ofThreeHundred = () => request(consumer, { keyId, promptBound_tokens: 2_000, outputBound_tokens: 1_000 });
    const requests = Array.from({ length: 5 }, ofThreeHundred);
    const outcomes = await Promise.all(requests.map((asked) => books.ledger.hold(asked)));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(3);
    expect(outcomes.filter((outcome) => !outcome.ok && outcome.reason === "key_limit")).toHaveLength(2);
    for (const [index, { requestId }] of requests.entries()) {
      if (outcomes[index]?.ok === true) await books.ledger.settle(terminal(requestId));
    }
    expect(await books.ledger.keySpend(keyId)).toEqual({ spent_microUsd: 300n, held_microUsd: 0n });
    expect(await books.ledger.hold(ofThreeHundred())).toMatchObject({ ok: true });
    expect(await audit(database.store, [consumer], [keyId])).toEqual([]);
  });
});
