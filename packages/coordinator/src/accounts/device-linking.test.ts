import { randomBytes } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore, type Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { createAccounts } from "./create-accounts.js";
import { createDeviceLinking, DEVICE_LIMITS, type PollOutcome } from "./device-linking.js";
import { hashSecret } from "./secrets.js";
import type { Accounts } from "./types.js";

const MACHINE = { clientName: "desk\u001b[31m", platform: "linux-x64", network: "203.0.113.0/24", purpose: "machine" as const };
const clock = createFakeClock();
const tokenSecret = randomBytes(32);
let database: TestDatabase;
let accounts: Accounts;
let devices: ReturnType<typeof createDeviceLinking>;

beforeAll(async () => {
  database = await createTestDatabase();
  accounts = await createAccounts({ store: database.store, clock });
  devices = linking(database.store);
});
afterAll(async () => {
  await accounts.close();
  await database.close();
});

function linking(store: Store, providerToken_ms = 0) {
  return createDeviceLinking({ store, clock, randomBytes, session_ms: 3_600_000, providerToken_ms, tokenSecret });
}

const later = (seconds: number) => clock.advance(seconds * 1_000);

describe("linking a machine", () => {
  it("hands a token of the account out once, also to two polls at the same time", async () => {
    const { deviceCode, userCode } = await devices.begin(MACHINE);
    expect(userCode).toMatch(/^[A-HJKMNP-Z2-9]{4}-[A-HJKMNP-Z2-9]{4}$/);
    expect(await devices.poll(deviceCode)).toEqual({ status: "pending" });
    expect(await devices.decide("alice", ` ${userCode.toLowerCase().replace("-", "")} `, "approved")).toBe("pending");
    await later(DEVICE_LIMITS.interval_s);
    const outcomes = await Promise.all([devices.poll(deviceCode), devices.poll(deviceCode)]);
    const [authorized, ...others] = outcomes.filter(({ status }) => status === "authorized");
    expect(others).toEqual([]);
    if (authorized?.status !== "authorized") throw new Error("no token");
    expect(authorized.accountId).toBe("alice");
    expect(await accounts.providerAccount(authorized.token)).toBe("alice");
    await later(DEVICE_LIMITS.interval_s);
    expect(await devices.poll(deviceCode)).toEqual({ status: "expired" });
    expect(await devices.decide("bob", userCode, "approved")).toBe("used");
  });

  it("yields one token a code at most, whoever decides and asks in whatever order, at once and at two coordinators (P15)", async () => {
    const other = await openStore({ databaseUrl: database.databaseUrl });
    const both = [devices, linking(other)];
    const step = fc.oneof(
      fc.record({ act: fc.constant("poll" as const), knows: fc.boolean() }),
      fc.record({
        act: fc.constant("decide" as const),
        who: fc.constantFrom("alice", "bob"),
        says: fc.constantFrom("approved" as const, "denied" as const),
      }),
      fc.record({ act: fc.constant("wait" as const), seconds: fc.constantFrom(5, 30, 61, 900) }),
    );
    // What stands in one list happens at once, behind its waits.
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 6 });
    const one = fc.asyncProperty(fc.boolean(), rounds, async (hasNonce, story) => {
      const nonce = randomBytes(16).toString("hex");
      const { deviceCode, userCode } = await devices.begin({ ...MACHINE, ...(hasNonce ? { clientNonceHash: hashSecret(nonce) } : {}) });
      const [before] = await database.store.client<{ tokens: number }[]>`select count(*)::int as tokens from provider_tokens`;
      const outcomes: PollOutcome[] = [];
      const approvals: string[] = [];
      for (const round of story) {
        for (const act of round) if (act.act === "wait") clock.sleep(act.seconds * 1_000);
        const acts = round.map(async (act, n) => {
          const there = both[n % 2] ?? devices;
          if (act.act === "poll") outcomes.push(await there.poll(deviceCode, act.knows ? nonce : undefined));
          if (act.act !== "decide") return;
          if ((await there.decide(act.who, userCode, act.says)) === "pending") approvals.push(`${act.who} ${act.says}`);
        });
        await Promise.all(acts);
      }
      const [after] = await database.store.client<{ tokens: number }[]>`select count(*)::int as tokens from provider_tokens`;
      const handed = outcomes.flatMap((outcome) => (outcome.status === "authorized" ? [outcome] : []));
      expect(approvals.length).toBeLessThanOrEqual(1);
      expect(new Set(handed.map(({ token }) => token)).size).toBe((after?.tokens ?? 0) - (before?.tokens ?? 0));
      expect(new Set(handed.map(({ token }) => token)).size).toBeLessThanOrEqual(1);
      if (!hasNonce) expect(handed.length).toBeLessThanOrEqual(1);
      for (const { accountId } of handed) expect(approvals).toEqual([`${accountId} approved`]);
    });
    await fc.assert(one, { numRuns: 25 });
    await other.close();
  });

  it("hands the same token out again for a minute, to whoever knows what its machine kept, and to nobody else", async () => {
    const nonce = "something that the machine keeps to itself";
    const { deviceCode, userCode } = await devices.begin({ ...MACHINE, clientNonceHash: hashSecret(nonce) });
    await devices.decide("alice", userCode, "approved");
    expect(await devices.poll(deviceCode)).toEqual({ status: "expired" });
    expect(await devices.poll(deviceCode, "a guess")).toEqual({ status: "expired" });
    const first = await devices.poll(deviceCode, nonce);
    expect(first).toMatchObject({ status: "authorized", accountId: "alice", expiresAt: null });
    await later(DEVICE_LIMITS.repeat_ms / 1_000);
    expect(await devices.poll(deviceCode, "a guess")).toEqual({ status: "expired" });
    expect(await devices.poll(deviceCode, nonce)).toEqual(first);
    // A coordinator that does not share the secret cannot make it again, and makes no other.
    const stranger = createDeviceLinking({
      ...{ store: database.store, clock, randomBytes, session_ms: 1, providerToken_ms: 0 },
      tokenSecret: randomBytes(32),
    });
    expect(await stranger.poll(deviceCode, nonce)).toEqual({ status: "expired" });
    if (first.status === "authorized") await accounts.revokeProviderToken(first.token);
    expect(await devices.poll(deviceCode, nonce)).toEqual({ status: "expired" });
    await later(1);
    expect(await devices.poll(deviceCode, nonce)).toEqual({ status: "expired" });
  });

  it("hands out a token that ends, where the operator wants that", async () => {
    const yearly = linking(database.store, 365 * 24 * 3_600_000);
    const { deviceCode, userCode } = await yearly.begin(MACHINE);
    await yearly.decide("alice", userCode, "approved");
    const outcome = await yearly.poll(deviceCode);
    const expiresAt = new Date(clock.date().getTime() + 365 * 24 * 3_600_000);
    if (outcome.status !== "authorized") throw new Error("no token");
    expect(outcome.expiresAt).toEqual(expiresAt);
    expect(await accounts.providerTokenBySecret(outcome.token)).toMatchObject({ label: "desk?[31m", expiresAt });
    clock.sleep(365 * 24 * 3_600_000);
    expect(await accounts.providerAccount(outcome.token)).toBeUndefined();
    expect(await accounts.providerTokenBySecret(outcome.token)).toBeUndefined();
    expect(await accounts.usableProviderTokens([outcome.token])).toEqual(new Map());
  });

  it("lengthens the interval of whoever asks too often", async () => {
    const { deviceCode } = await devices.begin(MACHINE);
    await devices.poll(deviceCode);
    expect(await devices.poll(deviceCode)).toEqual({ status: "slow_down", interval_s: 10 });
    await later(DEVICE_LIMITS.interval_s);
    expect(await devices.poll(deviceCode)).toEqual({ status: "slow_down", interval_s: 15 });
    await later(15);
    expect(await devices.poll(deviceCode)).toEqual({ status: "pending" });
  });

  it("shows which machine asks, in text that steers no terminal", async () => {
    const { userCode } = await devices.begin(MACHINE);
    const pending = await devices.pending(userCode);
    expect(pending).toMatchObject({ state: "pending", machine: { ...MACHINE, clientName: "desk?[31m" } });
    expect(await devices.pending("AAAA-AAAA")).toEqual({ state: "unknown" });
    expect(await devices.pending("' or 1=1")).toEqual({ state: "unknown" });
  });

  it("can be refused", async () => {
    const { deviceCode, userCode } = await devices.begin(MACHINE);
    expect(await devices.decide("alice", userCode, "denied")).toBe("pending");
    expect(await devices.poll(deviceCode)).toEqual({ status: "denied" });
    expect(await devices.decide("alice", userCode, "approved")).toBe("used");
  });

  it("ends after fifteen minutes, approved or not, and is forgotten after a day", async () => {
    const open = await devices.begin(MACHINE);
    const approved = await devices.begin(MACHINE);
    await devices.decide("alice", approved.userCode, "approved");
    await later(DEVICE_LIMITS.expires_s);
    expect(await devices.poll(approved.deviceCode)).toEqual({ status: "expired" });
    expect(await devices.poll("0".repeat(64))).toEqual({ status: "expired" });
    expect(await devices.decide("alice", open.userCode, "approved")).toBe("expired");
    await clock.advance(DEVICE_LIMITS.kept_ms + 1);
    await devices.sweep();
    expect(await devices.decide("alice", open.userCode, "approved")).toBe("unknown");
  });

  it("keeps neither code nor token in the database", async () => {
    const { deviceCode, userCode } = await devices.begin(MACHINE);
    await devices.decide("alice", userCode, "approved");
    const outcome = await devices.poll(deviceCode);
    const rows = await database.store.client`select d::text as text from device_codes d union all select p::text from provider_tokens p`;
    const kept = rows.map((row) => String(row["text"])).join();
    const secrets = [deviceCode, userCode, userCode.replace("-", ""), outcome.status === "authorized" ? outcome.token : "none"];
    for (const secret of secrets) expect(kept).not.toContain(secret);
  });
});

describe("a provider token", () => {
  it("is dead once it was revoked", async () => {
    await accounts.ensureAccount("carol", "carol");
    const token = await accounts.issueProviderToken("carol", "desk");
    expect(await accounts.revokeProviderToken(token)).toBe(true);
    expect(await accounts.providerAccount(token)).toBeUndefined();
    expect(await accounts.revokeProviderToken(token)).toBe(false);
    expect(await accounts.revokeProviderToken("sk-um-none")).toBe(false);
  });
});
