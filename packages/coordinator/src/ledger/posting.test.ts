import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ledgerRepository } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { InsufficientFundsError, type Posting, post } from "./posting.js";
import { audit } from "./testing/audit.js";
import { IdempotencyConflictError } from "./types.js";

const AT = new Date("2026-05-01T00:00:00Z");
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const posted = (posting: Posting) => database.store.transaction((tx) => post(tx, posting, AT));
const moneyOf = (accountId: string) => ledgerRepository.balance(database.store.db, accountId);

function paid(accountId: string, amount_microUsd: bigint, withdrawable_microUsd?: bigint): Posting {
  const key = randomUUID();
  const gain = withdrawable_microUsd === undefined ? {} : { withdrawable_microUsd };
  return {
    kind: "adjustment",
    idempotencyKey: key,
    reference: key,
    entries: [
      { accountId, type: "adjustment", amount_microUsd, ...gain },
      { accountId: "sys:promo", type: "adjustment", amount_microUsd: -amount_microUsd },
    ],
  };
}

describe("a posting", () => {
  it("changes what can be withdrawn by what it says, and by the rule where it says nothing", async () => {
    const account = randomUUID();
    await posted(paid(account, 10n));
    await posted(paid(account, 10n, 10n));
    expect(await moneyOf(account)).toMatchObject({ balance_microUsd: 20n, withdrawable_microUsd: 10n, held_microUsd: 0n });
    await posted(paid(account, -4n));
    expect(await moneyOf(account)).toMatchObject({ balance_microUsd: 16n, withdrawable_microUsd: 10n });
    await posted(paid(account, -9n, -9n));
    expect(await moneyOf(account)).toMatchObject({ balance_microUsd: 7n, withdrawable_microUsd: 1n });
    expect(await audit(database.store, [account], [])).toEqual([]);
  });

  it("happens once, whoever repeats it, and no other takes its key", async () => {
    const account = randomUUID();
    const posting = paid(account, 10n);
    expect(await Promise.all([posted(posting), posted(posting), posted(posting)])).toEqual(expect.arrayContaining([true, false, false]));
    expect(await moneyOf(account)).toMatchObject({ balance_microUsd: 10n });
    await expect(posted({ ...paid(account, 11n), idempotencyKey: posting.idempotencyKey })).rejects.toBeInstanceOf(
      IdempotencyConflictError,
    );
  });

  it("takes nothing that is not there, and undoes what came with it", async () => {
    const account = randomUUID();
    await posted(paid(account, 10n));
    await expect(posted(paid(account, -11n))).rejects.toBeInstanceOf(InsufficientFundsError);
    await expect(posted(paid(account, -5n, -5n))).rejects.toBeInstanceOf(InsufficientFundsError);
    expect(await moneyOf(account)).toMatchObject({ balance_microUsd: 10n });
    await expect(posted({ ...paid(account, 1n), entries: [] })).rejects.toThrow();
    await expect(posted(paid(account, 0n))).rejects.toThrow(RangeError);
    expect(await audit(database.store, [account], [])).toEqual([]);
  });
});
