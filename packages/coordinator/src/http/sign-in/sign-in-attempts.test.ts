import { describe, expect, it } from "vitest";
import type { CountedAttempt } from "../../accounts/index.js";
import { signInAttempts } from "./sign-in-attempts.js";

describe("attempts to sign in", () => {
  const counted = async (address: string, identifier?: string): Promise<readonly string[]> => {
    const seen: CountedAttempt[] = [];
    const take = async (all: readonly CountedAttempt[]) => void seen.push(...all);
    await signInAttempts({ take }, { signInRate_perMinute: 5, signInRate_perHour: 20 }).take({ address, identifier });
    return seen.map(({ limit: { burst, perSecond }, who }) => `${burst} at once, ${Math.round(perSecond * 3_600)} an hour: ${who}`);
  };

  it("count by the minute and by the hour, for the address and for whom they are, however that is written", async () => {
    expect(await counted("203.0.113.1", " Ada@EXAMPLE.org")).toEqual([
      "5 at once, 300 an hour: address 203.0.113.1",
      "5 at once, 300 an hour: identifier ada@example.org",
      "20 at once, 20 an hour: address 203.0.113.1",
      "20 at once, 20 an hour: identifier ada@example.org",
    ]);
  });

  it("count for all addresses that one subscriber has", async () => {
    expect(await counted("2001:db8:1:2:3::4")).toEqual(await counted("2001:db8:1:2:ffff::1"));
    expect(await counted("2001:db8:1:2:3::4")).not.toEqual(await counted("2001:db8:1:3::4"));
  });

  it("are refused with the time to wait", async () => {
    const full = signInAttempts({ take: async () => 12_001 }, { signInRate_perMinute: 5, signInRate_perHour: 20 });
    await expect(full.take({ address: "203.0.113.1" })).rejects.toMatchObject({ status: 429, retryAfter_s: 13 });
  });
});
