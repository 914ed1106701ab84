import { randomUUID } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { person } from "../testing/people.js";
import { createReferrals, RESERVED_CODES, type Referrals } from "./index.js";

let database: TestDatabase;
let referrals: Referrals;

beforeAll(async () => {
  database = await createTestDatabase();
  referrals = createReferrals({ store: database.store, clock: createFakeClock(), share_percent: 20 });
});
afterAll(() => database.close());

const someone = () => person(database.store);
const freshCode = () => `CODE-${randomUUID().slice(0, 8)}`;
/** An account that brings others. */
async function referrer() {
  const account = await someone();
  return { account, code: await referrals.register(account, freshCode()) };
}

describe("a referral code", () => {
  it("is kept in capitals, and an account has one: whatever it asks for later", async () => {
    const account = await someone();
    const code = freshCode();
    expect(await referrals.register(account, ` ${code.toLowerCase()} `)).toBe(code.toUpperCase());
    expect(await referrals.register(account, freshCode())).toBe(code.toUpperCase());
    expect(await referrals.figures(account)).toEqual({ code: code.toUpperCase(), referred: 0, rewards_microUsd: 0n });
    expect(await referrals.figures(await someone())).toBeUndefined();
  });

  it.each(["ab", "-abc", "abc-", "a b c", "ÄBC", "a".repeat(21), ""])("is refused as %j", async (code) => {
    await expect(referrals.register(await someone(), code)).rejects.toMatchObject({ code: "invalid" });
  });

  it("is refused where it would pass for the house, or belongs to somebody", async () => {
    for (const code of RESERVED_CODES) await expect(referrals.register("nobody", code)).rejects.toMatchObject({ code: "reserved" });
    const { code } = await referrer();
    await expect(referrals.register(await someone(), code)).rejects.toMatchObject({ code: "taken" });
  });

  it("belongs to one of those who want it at once", async () => {
    const code = freshCode();
    const accounts = await Promise.all(Array.from({ length: 6 }, someone));
    const wishes = await Promise.allSettled(accounts.map((account) => referrals.register(account, code)));
    expect(wishes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("P17 referral: nobody brings himself, and an account is brought once, for ever", () => {
  it("by the code's owner, who sees how many came", async () => {
    const { account, code } = await referrer();
    const brought = await someone();
    expect(await referrals.apply(brought, code.toLowerCase())).toBe(code);
    expect(await referrals.info(brought)).toEqual({ code: undefined, referredBy: code });
    expect(await referrals.figures(account)).toMatchObject({ referred: 1 });
    await expect(referrals.apply(brought, (await referrer()).code)).rejects.toMatchObject({ code: "referred" });
    await expect(referrals.apply(brought, code)).rejects.toMatchObject({ code: "referred" });
  });

  it("by one of several that are named at once", async () => {
    const brought = await someone();
    const codes = await Promise.all(Array.from({ length: 6 }, async () => (await referrer()).code));
    const applied = await Promise.allSettled(codes.map((code) => referrals.apply(brought, code)));
    expect(applied.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("and not by a code that there is not, by oneself, or by whom one has brought", async () => {
    const anna = await referrer();
    const ben = await referrer();
    await expect(referrals.apply(anna.account, "NO-SUCH-CODE")).rejects.toMatchObject({ code: "unknown" });
    await expect(referrals.apply(anna.account, anna.code)).rejects.toMatchObject({ code: "self" });
    await referrals.apply(ben.account, anna.code);
    await expect(referrals.apply(anna.account, ben.code)).rejects.toMatchObject({ code: "cycle" });
  });

  it("and two who name each other at once do not both get their way", async () => {
    for (let round = 0; round < 8; round += 1) {
      const [anna, ben] = await Promise.all([referrer(), referrer()]);
      const both = await Promise.allSettled([referrals.apply(anna.account, ben.code), referrals.apply(ben.account, anna.code)]);
      expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });
});
