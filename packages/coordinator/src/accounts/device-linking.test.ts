import { randomBytes } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { createAccounts } from "./create-accounts.js";
import { createDeviceLinking, DEVICE_LIMITS } from "./device-linking.js";
import type { Accounts } from "./types.js";

const MACHINE = { clientName: "desk\u001b[31m", platform: "linux-x64", network: "203.0.113.0/24", purpose: "machine" as const };
const clock = createFakeClock();
let database: TestDatabase;
let accounts: Accounts;
let devices: ReturnType<typeof createDeviceLinking>;

beforeAll(async () => {
  database = await createTestDatabase();
  accounts = await createAccounts({ store: database.store, clock });
  devices = createDeviceLinking({ store: database.store, clock, randomBytes, session_ms: 3_600_000 });
});
afterAll(async () => {
  await accounts.close();
  await database.close();
});

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
