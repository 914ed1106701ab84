import { afterEach, describe, expect, it } from "vitest";
import type { ProviderAccounts } from "./ports.js";
import { startTestFleet, type TestFleet, testSpec } from "./testing/index.js";

const TOKENS = { "umbel-pt-a": "alice", "umbel-pt-b": "bob" } as const;

function changeableAccounts() {
  const standing = new Map<string, string>(Object.entries(TOKENS));
  let isDown = false;
  const accounts: ProviderAccounts = {
    providerAccount: async (token) => standing.get(token),
    async usableProviderTokens(asked) {
      if (isDown) throw new Error("no database");
      return new Map([...standing].filter(([token]) => asked.includes(token)));
    },
    revokeProviderToken: async (token) => standing.delete(token),
  };
  return { accounts, standing, setDown: (down: boolean) => (isDown = down) };
}

describe("a provider token that ends", () => {
  let test: TestFleet;
  afterEach(() => test.close());

  it("ends the connections made with it, says why, and leaves the others; what ran is nobody's fault", async () => {
    const { accounts, standing } = changeableAccounts();
    test = await startTestFleet({ accounts });
    const mine = await test.connect({ authToken: "umbel-pt-a" });
    await test.connect({ authToken: "umbel-pt-b" });
    await test.connect();
    standing.delete("umbel-pt-a");
    test.fleet.tokensChanged();
    expect(await mine.receive("register_rejected")).toMatchObject({ code: "auth_token_invalid" });
    expect(await mine.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
    expect(await test.event("disconnected")).toMatchObject({ reason: "revoked", machineId: mine.machineId });
    expect(test.fleet.connected()).toBe(2);
    expect(test.fleet.preview(testSpec()).considered).toBe(2);
  });

  it("that is another account's by now ends the connection, so that the machine comes again as that account's", async () => {
    const { accounts, standing } = changeableAccounts();
    test = await startTestFleet({ accounts });
    const mine = await test.connect({ authToken: "umbel-pt-a" });
    standing.set("umbel-pt-a", "carol");
    test.fleet.tokensChanged();
    expect(await mine.closed).toEqual({ code: 1001, reason: "the machine belongs to another account" });
    expect(test.fleet.connected()).toBe(0);
  });

  it("is found within a minute without a notice, and once a database answers again", async () => {
    const { accounts, standing, setDown } = changeableAccounts();
    test = await startTestFleet({ accounts });
    const mine = await test.connect({ authToken: "umbel-pt-a" });
    standing.delete("umbel-pt-a");
    setDown(true);
    test.fleet.tokensChanged();
    mine.heartbeat();
    await test.clock.advance(59_000);
    expect(test.fleet.connected()).toBe(1);
    setDown(false);
    await test.clock.advance(1_000);
    expect(await mine.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
  });

  it("ends a connection whose token was looked up before and which joins after", async () => {
    const { accounts, standing } = changeableAccounts();
    test = await startTestFleet({ accounts });
    const mine = await test.open({ authToken: "umbel-pt-a" });
    const welcome = await mine.register();
    standing.delete("umbel-pt-a");
    test.fleet.tokensChanged();
    await mine.answer(welcome.challenge);
    expect(await mine.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
  });
});
