import { randomBytes, randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { audit } from "../../ledger/testing/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { asked, person } from "../testing/people.js";
import { createInvites, INVITE_LIMITS, type Invites } from "./index.js";

const USD = 1_000_000n;
const HOUR_ms = 3_600_000;

let database: TestDatabase;
let invites: Invites;
const clock = createFakeClock();

beforeAll(async () => {
  database = await createTestDatabase();
  invites = createInvites({ store: database.store, clock, randomBytes });
});
afterAll(() => database.close());

const someone = () => person(database.store);
const make = (invite: Partial<Parameters<Invites["create"]>[0]> = {}) =>
  invites.create({ amount_microUsd: USD, uses_max: 1, expiresAt: null, ...invite }, asked());
const refusalOf = (redeeming: Promise<unknown>) =>
  redeeming.then(
    () => "redeemed once",
    (error: { code?: string }) => error.code,
  );

describe("an invite code", () => {
  it("is made of 60 random bits, or called as the operator wants, in capitals", async () => {
    expect((await make()).code).toMatch(/^INV-[A-Z2-7]{12}$/);
    const code = `spring-${randomUUID().slice(0, 6)}`;
    expect((await make({ code: ` ${code} ` })).code).toBe(code.toUpperCase());
    await expect(make({ code })).rejects.toMatchObject({ code: "taken" });
    const [newest] = await invites.list({ after: undefined, limit: 1 });
    expect(newest).toMatchObject({ uses: 0, uses_max: 1, active: true });
  });

  it("is made once a key", async () => {
    const request = asked();
    const invite = { amount_microUsd: USD, uses_max: 1, expiresAt: null };
    const [first, second] = await Promise.all([invites.create(invite, request), invites.create(invite, request)]);
    expect(second.code).toBe(first.code);
  });

  it.each([
    ["is worth nothing", { amount_microUsd: 0n }],
    ["is worth less than nothing", { amount_microUsd: -1n }],
    ["is worth too much", { amount_microUsd: INVITE_LIMITS.amount_microUsd_max + 1n }],
    ["can be used too often", { uses_max: INVITE_LIMITS.uses_max + 1 }],
    ["is over", { expiresAt: new Date(0) }],
    ["begins with a hyphen", { code: "-SPRING" }],
    ["is no ASCII", { code: "SPRİNG" }],
    ["is too long", { code: "S".repeat(21) }],
  ])("is refused that %s", async (_what, invite) => {
    await expect(make(invite)).rejects.toMatchObject({ code: "invalid" });
  });

  it("is money to spend and not to withdraw, however it is typed, once an account", async () => {
    const account = await someone();
    const { code } = await make({ amount_microUsd: 5n * USD, uses_max: 0 });
    expect(await invites.redeem(account, ` ${code.toLowerCase()} `)).toEqual({ credited_microUsd: 5n * USD, balance_microUsd: 5n * USD });
    expect(await refusalOf(invites.redeem(account, code))).toBe("redeemed");
    const [row] = await database.store.client<{ withdrawable: bigint }[]>`select withdrawable from balances where account_id = ${account}`;
    expect(row?.withdrawable).toBe(0n);
    expect(await audit(database.store, [account], [])).toEqual([]);
  });

  it("is refused when it was deactivated, has expired, or was used up, and nothing is counted then", async () => {
    const account = await someone();
    const ended = await make();
    await invites.deactivate(ended.code.toLowerCase(), asked());
    expect(await refusalOf(invites.redeem(account, ended.code))).toBe("inactive");
    const short = await make({ expiresAt: new Date(clock.date().getTime() + HOUR_ms) });
    clock.sleep(HOUR_ms);
    expect(await refusalOf(invites.redeem(account, short.code))).toBe("expired");
    const used = await make();
    await invites.redeem(await someone(), used.code);
    expect(await refusalOf(invites.redeem(account, used.code))).toBe("used_up");
    await expect(invites.deactivate("NO-SUCH-CODE", asked())).rejects.toMatchObject({ code: "unknown" });
    expect(await audit(database.store, [account], [])).toEqual([]);
  });

  it("cannot be guessed: ten misses in an hour, also at once, and even a right one is refused; another account is not held up", async () => {
    const guesser = await someone();
    const { code } = await make({ uses_max: 0 });
    const guesses = await Promise.all(Array.from({ length: 30 }, (_, guess) => refusalOf(invites.redeem(guesser, `GUESS-${guess}`))));
    expect(guesses.filter((refusal) => refusal === "unknown")).toHaveLength(INVITE_LIMITS.misses_max);
    expect(await refusalOf(invites.redeem(guesser, code))).toBe("too_many_misses");
    await invites.redeem(await someone(), code);
    clock.sleep(INVITE_LIMITS.missesCount_ms);
    await invites.sweep();
    await invites.redeem(guesser, code);
  });
});

describe("P12 invites: uses never exceed the most, one an account, and a redemption is there exactly when its money is", () => {
  it("whoever comes at once", async () => {
    const accounts = await Promise.all(Array.from({ length: 12 }, someone));
    const attempt = fc.record({ account: fc.nat(accounts.length - 1), code: fc.nat(2) });
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(attempt, { minLength: 1, maxLength: 40 })),
        async ([uses_max, tries]) => {
          const codes = await Promise.all([1, 2, 3].map(async () => (await make({ uses_max })).code));
          await Promise.all(
            tries.map(({ account, code }) => invites.redeem(accounts[account] ?? "", codes[code] ?? "").catch(() => undefined)),
          );
          const list = JSON.stringify(codes);
          const rows = await database.store.client<{ code: string; used: number; redeemed: bigint; credited: bigint; paid: bigint }[]>`
          select c.code, c.used_count as used, count(r.account_id) as redeemed, count(t.id) as credited, coalesce(sum(e.amount), 0)::bigint as paid
          from invite_codes c
            left join invite_redemptions r using (code)
            left join ledger_transactions t on t.idempotency_key = 'invite:' || c.code || ':' || r.account_id
            left join ledger_entries e on e.transaction_id = t.id and e.account_id = r.account_id
          where c.code in (select jsonb_array_elements_text(${list}::text::jsonb)) group by c.code`;
          for (const [index, code] of codes.entries()) {
            const row = rows.find((each) => each.code === code);
            const different = new Set(tries.filter((each) => each.code === index).map(({ account }) => account)).size;
            const uses = BigInt(Math.min(different, uses_max));
            expect(row).toMatchObject({ used: Number(uses), redeemed: uses, credited: uses, paid: uses * USD });
          }
        },
      ),
      { numRuns: 12 },
    );
    expect(await audit(database.store, accounts, [])).toEqual([]);
  });
});
