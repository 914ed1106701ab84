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

describe("an account that goes over to another", () => {
  const balance = async (id: string) => {
    const [row] = await database.store.client`select balance::int, withdrawable::int, held::int from balances where account_id = ${id}`;
    return row;
  };

  it("brings its money, earnings as earnings, in one transaction, its keys, machines, and what it did; nothing is left of it but its journal", async () => {
    const { client } = database.store;
    const into = await person(database.store, "into@example.org");
    const from = account;
    await client`update users set email = 'from@example.org' where account_id = ${from}`;
    await administration.credit({ to: { accountId: from }, amount_microUsd: 500n, note: "hi" }, asked());
    await administration.reward({ to: { accountId: from }, amount_microUsd: 700n }, asked());
    await administration.credit({ to: { accountId: into }, amount_microUsd: 1_000n }, asked());
    for (const [id, of] of [
      ["key_a", from],
      ["key_b", into],
    ] as const) {
      await client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_reset, allowed_models, console)
        values (${id}, ${id}, '', ${of}, '', 'none', '{}', true)`;
      await client`insert into provider_tokens (id, token_hash, account_id, label) values (${`pt_${id}`}, ${id}, ${of}, '')`;
      await client`insert into usage_days values ('2026-01-01', ${of}, '', 'b', 'm', true, 1, 2, 3, 4, 1)`;
      await client`insert into model_prices (account_id, model, input_price, output_price) values (${of}, 'both', 1, 1), (${of}, ${id}, 2, 2)`;
      await client`insert into referrers (account_id, code) values (${of}, ${`CODE-${id.slice(4).toUpperCase()}`})`;
    }
    await client`update api_keys set console = false where id = 'key_a'`;
    const brought = await person(database.store);
    await client`insert into referrals (referred_account_id, referrer_code) values (${brought}, 'CODE-A'), (${from}, 'CODE-B')`;
    await client`insert into providers (machine_id, account_id, encryption_key, hardware, models, backend, version, trust_level)
      values ('mac', ${from}, '', '{}', '[]', '', '', '')`;

    const request = asked();
    const merged = await administration.merge(from, into, request);
    expect(merged).toMatchObject({ from, into, moved_microUsd: 1_200n, rows: { api_keys: 1, machines: 1, provider_tokens: 1 } });
    expect(await administration.merge(from, into, request)).toEqual(merged);
    expect(await balance(from)).toEqual({ balance: 0, withdrawable: 0, held: 0 });
    expect(await balance(into)).toEqual({ balance: 2_200, withdrawable: 700, held: 0 });
    expect(await administration.journal(from, { before: undefined, limit: 1 })).toMatchObject([
      { type: "migration", amount_microUsd: -1_200n, withdrawableDelta_microUsd: -700n, reference: `migrate:${from}:${into}` },
    ]);
    expect(await client`select owner_account_id as owner from api_keys where id in ('key_a', 'key_b')`).toEqual([
      { owner: into },
      { owner: into },
    ]);
    expect(await client`select account_id from providers where machine_id = 'mac'`).toEqual([{ account_id: into }]);
    expect(await client`select requests::int, cost::int from usage_days`).toEqual([{ requests: 2, cost: 8 }]);
    const prices = await client`select account_id = ${into} as own, model from model_prices order by own, model`;
    expect(prices).toEqual([
      { own: false, model: "both" },
      { own: true, model: "both" },
      { own: true, model: "key_a" },
      { own: true, model: "key_b" },
    ]);
    // Whom it had brought counts for the other; and nobody has brought itself.
    expect(await client`select referred_account_id as who, referrer_code as code from referrals`).toEqual([
      { who: brought, code: "CODE-B" },
    ]);
    const [left] = await administration.users({ text: from, after: undefined, limit: 1 });
    expect(left).toMatchObject({ email: null, mergedInto: into, frozenReason: "merged", keys: 0, machines: 0 });
    expect(await auditOf(from)).toMatchObject([{ action: "account.merge", after: { into, moved_micro_usd: 1_200 } }, {}, {}]);
    await expect(administration.merge(into, from, asked())).rejects.toMatchObject({ code: "unknown_account" });

    // A machine's work that was settled for it afterwards follows.
    await client`select ledger_post('payout', 'late', 'late', array[${from}, 'sys:stripe'], array['payout', 'payout'], array[50, -50]::bigint[],
      array[true, false], now())`;
    await administration.sweep();
    await administration.sweep();
    expect([await balance(from), await balance(into)]).toMatchObject([{ balance: 0 }, { balance: 2_250, withdrawable: 750 }]);
  });

  it("stays frozen under the other's name", async () => {
    const into = await person(database.store);
    await administration.setFrozen(account, "dispute", asked());
    await administration.merge(account, into, asked());
    expect(await administration.users({ text: into, after: undefined, limit: 1 })).toMatchObject([{ frozenReason: "dispute" }]);
  });

  const held = async () => {
    await administration.credit({ to: { accountId: account }, amount_microUsd: 10n }, asked());
    await database.store.client`update balances set held = 1 where account_id = ${account}`;
  };
  const withdrawing = async () => {
    await database.store
      .client`insert into withdrawals (id, account_id, rail, destination, method, amount, fee, net, status, created_at, updated_at)
      values (${account}, ${account}, 'stripe', '', '', 1, 0, 1, 'pending', now(), now())`;
  };
  const ending = async () => {
    await database.store.client`insert into erasure_requests (id, account_id, state, forfeit, requested_at, scheduled_for, report)
      values (${account}, ${account}, 'scheduled', false, now(), now(), '{}')`;
  };
  it.each<[string, string, () => Promise<void>]>([
    ["its requests are under way", "not_now", held],
    ["its withdrawal is under way", "not_now", withdrawing],
    ["its end is scheduled", "not_now", ending],
  ])("does not while %s, and nothing changes", async (_what, code, prepare) => {
    await prepare();
    const into = await person(database.store);
    await expect(administration.merge(account, into, asked())).rejects.toMatchObject({ code });
    expect(await administration.users({ text: account, after: undefined, limit: 1 })).toMatchObject([
      { mergedInto: null, frozenReason: null },
    ]);
  });

  it("is another one, and one that there is", async () => {
    await expect(administration.merge(account, account, asked())).rejects.toMatchObject({ code: "invalid", field: "into" });
    await expect(administration.merge(account, "nobody", asked())).rejects.toMatchObject({ code: "unknown_account", field: "into" });
    await expect(administration.merge("nobody", account, asked())).rejects.toMatchObject({ code: "unknown_account", field: "account_id" });
  });
});

it("keys are forgotten after a good year", async () => {
  const request = asked();
  await administration.setRole(account, "service", request);
  clock.sleep(ADMINISTRATION_LIMITS.keyKept_ms + 1);
  await administration.sweep();
  await administration.setRole(account, "", request);
});
