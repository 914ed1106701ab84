import { generateDeviceKey, signClaims } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createSessions, isSignedToken, SESSION_LIMITS } from "./sessions.js";

describe("a session", () => {
  const { ttl_ms_default, ttl_ms_max } = SESSION_LIMITS;
  async function bench() {
    const clock = createFakeClock();
    const identity = await generateDeviceKey();
    return { clock, identity, sessions: createSessions({ identity, clock }) };
  }

  it("stands for its account until it ends", async () => {
    const { clock, sessions } = await bench();
    const token = await sessions.issue("alice");
    expect(isSignedToken(token)).toBe(true);
    expect(await sessions.read(token)).toMatchObject({ accountId: "alice" });
    await clock.advance(ttl_ms_default - 1);
    expect(await sessions.read(token)).toMatchObject({ accountId: "alice" });
    await clock.advance(1);
    expect(await sessions.read(token)).toBeUndefined();
  });

  it("lasts at most so long", async () => {
    const { sessions } = await bench();
    expect(await sessions.read(await sessions.issue("alice", ttl_ms_max))).toMatchObject({ accountId: "alice" });
    for (const ttl_ms of [ttl_ms_max + 1, 0, -1, Number.NaN]) await expect(sessions.issue("alice", ttl_ms)).rejects.toThrow(RangeError);
  });

  it("is of this coordinator alone, for this purpose, and unaltered", async () => {
    const { clock, identity, sessions } = await bench();
    const token = await sessions.issue("alice");
    const others = createSessions({ identity: await generateDeviceKey(), clock });
    const [header, claims, signature] = token.split(".");
    const forged = Buffer.from(
      Buffer.from(claims ?? "", "base64url")
        .toString()
        .replace("alice", "admin"),
    ).toString("base64url");
    const challenge = await signClaims(identity, "challenge", {
      nonce: Buffer.alloc(32).toString("base64"),
      timestamp: clock.date().toISOString(),
      session_id: "s",
      encryption_key_thumbprint: "ab".repeat(32),
      counter: 1,
    });
    const none = `${Buffer.from('{"alg":"none","typ":"session+jwt","ver":1}').toString("base64url")}.${claims}.`;
    for (const wrong of [await others.issue("alice"), `${header}.${forged}.${signature}`, challenge, none, "eyJ", `${token}x`, ""]) {
      expect(await sessions.read(wrong)).toBeUndefined();
    }
  });

  it("of a clock that is a little ahead is taken, of one that is far ahead is not", async () => {
    const { clock, identity, sessions } = await bench();
    const ahead = async (by_ms: number) => {
      const other = createFakeClock();
      await other.advance(clock.date().getTime() - other.date().getTime() + by_ms);
      return createSessions({ identity, clock: other }).issue("alice");
    };
    expect(await sessions.read(await ahead(60_000))).toMatchObject({ accountId: "alice" });
    expect(await sessions.read(await ahead(120_000))).toBeUndefined();
  });
});
