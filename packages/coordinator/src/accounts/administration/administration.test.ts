import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { auditRepository } from "../../store/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { asked, person } from "../testing/people.js";
import { ADMINISTRATION_LIMITS, type Administration, createAdministration } from "./index.js";

let database: TestDatabase;
let administration: Administration;
let account: string;
const clock = createFakeClock();

beforeAll(async () => {
  database = await createTestDatabase();
  administration = createAdministration({ store: database.store, clock });
});
afterAll(() => database.close());
beforeEach(async () => {
  account = await person(database.store);
});

const auditOf = (target: string) => auditRepository.browse(database.store.db, { target, limit: 10 });

describe("money that an operator gives", () => {
  it("can be spent and not withdrawn, or withdrawn, too; the books balance and the audit says who", async () => {
    const credited = await administration.credit({ to: { accountId: account }, amount_microUsd: 5_000_000n, note: "welcome" }, asked());
    expect(credited).toMatchObject({ accountId: account, balanceAfter_microUsd: 5_000_000n, withdrawableAfter_microUsd: 0n });
    const rewarded = await administration.reward({ to: { accountId: account }, amount_microUsd: 2_500_000n }, asked());
    expect(rewarded).toMatchObject({ balanceAfter_microUsd: 7_500_000n, withdrawableAfter_microUsd: 2_500_000n });
    expect(await administration.journal(account, { before: undefined, limit: 10 })).toMatchObject([
      { seq: 2, type: "admin_reward", reference: "admin_reward", withdrawableDelta_microUsd: 2_500_000n },
      { seq: 1, type: "admin_credit", reference: "admin_credit:welcome", withdrawableDelta_microUsd: 0n },
    ]);
    const [house] = await database.store.client<{ sum: bigint }[]>`select sum(balance)::bigint as sum from balances`;
    expect(house?.sum).toBe(0n);
    expect(await auditOf(account)).toMatchObject([
      { actor: "admin-key", action: "account.reward", ipHash: "0123", before: { balance_micro_usd: 5_000_000 } },
      { action: "account.credit", before: { balance_micro_usd: 0 }, after: { amount_micro_usd: 5_000_000, note: "welcome" } },
    ]);
  });

  it("comes once a key, however often and at once it is asked for, and every answer is the first one", async () => {
    const gift = { to: { accountId: account }, amount_microUsd: 1_000_000n };
    const request = asked();
    const answers = await Promise.all(Array.from({ length: 8 }, () => administration.credit(gift, request)));
    await administration.credit(gift, asked());
    expect(new Set(answers.map(({ balanceAfter_microUsd }) => balanceAfter_microUsd))).toEqual(new Set([1_000_000n]));
    expect(await administration.credit(gift, request)).toEqual(answers[0]);
    expect(await administration.journal(account, { before: undefined, limit: 10 })).toHaveLength(2);
    expect(await auditOf(account)).toHaveLength(2);
  });

  it("is refused under a key that stands for something else", async () => {
    const request = asked();
    await administration.credit({ to: { accountId: account }, amount_microUsd: 1n }, request);
    const refused = { code: "key_reused" };
    await expect(administration.credit({ to: { accountId: account }, amount_microUsd: 2n }, request)).rejects.toMatchObject(refused);
    await expect(administration.reward({ to: { accountId: account }, amount_microUsd: 1n }, request)).rejects.toMatchObject(refused);
    await expect(administration.setRole(account, "service", request)).rejects.toMatchObject(refused);
  });

  it("goes by e-mail address where one account has it, in any case, and nowhere where two have it", async () => {
    const anna = await person(database.store, "anna@example.org");
    const to = { email: " Anna@Example.org " };
    expect(await administration.credit({ to, amount_microUsd: 1n }, asked())).toMatchObject({ accountId: anna, email: "anna@example.org" });
    await person(database.store, "anna@example.org");
    await expect(administration.credit({ to, amount_microUsd: 1n }, asked())).rejects.toMatchObject({ code: "ambiguous_email" });
  });

  it.each([
    ["an unknown account", { to: { accountId: "nobody" }, amount_microUsd: 1n }, "unknown_account"],
    ["an unknown address", { to: { email: "nobody@example.org" }, amount_microUsd: 1n }, "unknown_account"],
    ["an account of the house", { to: { accountId: "sys:promo" }, amount_microUsd: 1n }, "unknown_account"],
    ["nothing", { to: { accountId: "nobody" }, amount_microUsd: 0n }, "invalid"],
    ["a negative amount", { to: { accountId: "nobody" }, amount_microUsd: -1n }, "invalid"],
    ["too much", { to: { accountId: "nobody" }, amount_microUsd: 10n ** 15n + 1n }, "invalid"],
    ["a long note", { to: { accountId: "nobody" }, amount_microUsd: 1n, note: "n".repeat(201) }, "invalid"],
  ])("is refused for %s, and the key stays free", async (_what, gift, code) => {
    const request = asked();
    await expect(administration.credit(gift, request)).rejects.toMatchObject({ code });
    await administration.credit({ to: { accountId: account }, amount_microUsd: 1n }, request);
  });
});

describe("what an operator makes of an account", () => {
  it("is a service account or an ordinary one, with a fee of its own or the default, frozen or not; the audit knows how it was", async () => {
    await administration.setRole(account, "service", asked());
    await administration.setPlatformFee(account, 7, asked());
    await administration.setFrozen(account, "asked for by its bank", asked());
    const [stands] = await administration.users({ text: account, after: undefined, limit: 10 });
    expect(stands).toMatchObject({ role: "service", platformFeePercent: 7, frozenReason: "asked for by its bank", keys: 0, machines: 0 });
    await administration.setPlatformFee(account, null, asked());
    await administration.setFrozen(account, null, asked());
    const [again] = await administration.users({ text: account.toUpperCase(), after: undefined, limit: 10 });
    expect(again).toMatchObject({ platformFeePercent: null, frozenReason: null });
    expect(await auditOf(account)).toMatchObject([
      { action: "account.unfreeze", before: { frozenReason: "asked for by its bank" }, after: { frozenReason: null } },
      { action: "account.fee", before: { platformFeePercent: 7 }, after: { platformFeePercent: null } },
      { action: "account.freeze" },
      { action: "account.fee" },
      { action: "account.role", before: { role: "" }, after: { role: "service" } },
    ]);
  });

  it("is found page by page, and a wildcard is a character like others", async () => {
    const some = await Promise.all(Array.from({ length: 3 }, () => person(database.store)));
    const search = { text: "person-", limit: 2 };
    const first = await administration.users({ ...search, after: undefined });
    const second = await administration.users({ ...search, after: first.at(-1)?.accountId });
    expect(first).toHaveLength(2);
    const ids = [...first, ...second].map(({ accountId }) => accountId);
    expect(ids).toEqual([...new Set(ids)].sort());
    expect(await administration.users({ text: "%", after: undefined, limit: 10 })).toEqual([]);
    expect(some).toHaveLength(3);
  });
});

it("keys are forgotten after a good year", async () => {
  const request = asked();
  await administration.setRole(account, "service", request);
  clock.sleep(ADMINISTRATION_LIMITS.keyKept_ms + 1);
  await administration.sweep();
  await administration.setRole(account, "", request);
});
