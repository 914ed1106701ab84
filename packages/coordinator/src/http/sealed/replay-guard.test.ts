import { SEALED_LIMITS } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createReplayGuard } from "./replay-guard.js";

const SKEW_ms = SEALED_LIMITS.clockSkew_ms_max;
const replayed = expect.objectContaining({ status: 400, code: "replayed_request" });

describe("the replay guard", () => {
  it("takes a nonce once, whichever account brings it", () => {
    const guard = createReplayGuard(createFakeClock());
    guard.remember("alice", "n1");
    guard.remember("alice", "n2");
    expect(() => guard.remember("alice", "n1")).toThrow(replayed);
    expect(() => guard.remember("bob", "n1")).toThrow(replayed);
  });

  it("takes timestamps within five minutes of its clock, before and after", () => {
    const clock = createFakeClock();
    const guard = createReplayGuard(clock);
    const at = (offset_ms: number): string => new Date(clock.date().getTime() + offset_ms).toISOString();
    for (const offset_ms of [0, SKEW_ms, -SKEW_ms]) guard.refuseStale(at(offset_ms));
    for (const offset_ms of [SKEW_ms + 1, -SKEW_ms - 1]) expect(() => guard.refuseStale(at(offset_ms))).toThrow(replayed);
  });

  it("remembers as long as an envelope's timestamp can be accepted, and no longer", async () => {
    const clock = createFakeClock();
    const guard = createReplayGuard(clock, { envelopes_max: 1, envelopesOfAccount_max: 1 });
    const sealedByFastClock = new Date(clock.date().getTime() + SKEW_ms).toISOString();
    guard.remember("alice", "n1");
    await clock.advance(2 * SKEW_ms - 1);
    guard.refuseStale(sealedByFastClock);
    expect(() => guard.remember("alice", "n1")).toThrow(replayed);
    await clock.advance(1);
    guard.remember("alice", "n2");
    await clock.advance(1);
    expect(() => guard.refuseStale(sealedByFastClock)).toThrow(replayed);
  });

  it("refuses what it has no room to remember: 429 for an account, 503 for all", async () => {
    const clock = createFakeClock();
    const guard = createReplayGuard(clock, { envelopes_max: 3, envelopesOfAccount_max: 2 });
    guard.remember("alice", "n1");
    guard.remember("alice", "n2");
    expect(() => guard.remember("alice", "n3")).toThrow(
      expect.objectContaining({ status: 429, code: "rate_limit_exceeded", retryAfter_s: 60 }),
    );
    guard.remember("bob", "n3");
    expect(() => guard.remember("carol", "n4")).toThrow(
      expect.objectContaining({ status: 503, code: "service_unavailable", retryAfter_s: 60 }),
    );
    await clock.advance(2 * SKEW_ms);
    guard.remember("alice", "n1");
    guard.remember("carol", "n4");
  });
});
