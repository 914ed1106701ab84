import { describe, expect, it } from "vitest";
import { providerView } from "../testing/fixtures.js";
import { ERROR_COOLDOWN_LIMITS } from "./error-cooldown.js";
import { COOLDOWNS_MAX, HealthMemory, REMEMBERED_MACHINES_MAX } from "./health-memory.js";
import { shifted } from "./health-record.js";

const VIEW = providerView({ machineId: "machine" });
/** Begun after whatever was before. */
const WORK = { build: "build", needsTools: false, began_ms: Number.POSITIVE_INFINITY };
const WITH_TOOLS = { ...WORK, needsTools: true };

describe("HealthMemory", () => {
  it("leaves a view as it is while there is nothing to remember", () => {
    const health = new HealthMemory();
    expect(health.applied(VIEW)).toBe(VIEW);
    health.reserved("machine", 0);
    health.judged("machine", WORK, "success", 1);
    health.judged("machine", WORK, "cancelled", 2);
    health.judged("machine", WORK, "capacity_kv", 3);
    health.judged("machine", WORK, "client_request", 4);
    expect(health.applied(VIEW)).toBe(VIEW);
  });

  it("opens a machine's breaker after five faults in a row, and closes it with a success", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", WORK, "engine_crash", 1000);
    const open = health.applied(VIEW);
    expect(open.breakerOpenUntil_ms).toBe(61_000);
    health.judged("machine", WORK, "success", 70_000);
    expect(health.applied(open).breakerOpenUntil_ms).toBe(0);
  });

  it("admits one probe at a time when the rest is over", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", WORK, "timeout", 0);
    health.reserved("machine", 60_000);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBeGreaterThan(60_000);
    health.judged("machine", WORK, "neutral", 61_000);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBeLessThanOrEqual(61_000);
  });

  it("rests a build after a failed load until a request for it ends well", () => {
    const health = new HealthMemory();
    health.judged("machine", WORK, "load_failed_artifact", 1000);
    const resting = health.applied(VIEW);
    expect(resting.loadCooldownUntil_ms).toEqual(new Map([["build", 121_000]]));
    expect(health.applied(resting)).toBe(resting);
    health.judged("machine", WORK, "success", 2000);
    expect(health.applied(resting).loadCooldownUntil_ms.size).toBe(0);
  });

  it("forgets the machine heard of least recently when it remembers too many", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", WORK, "internal", 0);
    for (let i = 1; i < REMEMBERED_MACHINES_MAX; i++) health.reserved(`other ${i}`, 0);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBe(60_000);
    health.reserved("one more", 0);
    expect(health.applied(VIEW)).toBe(VIEW);
  });

  it("rests one kind of request after two faults within a minute, and no other kind", () => {
    const health = new HealthMemory();
    expect(health.judged("machine", WITH_TOOLS, "template_render", 0).cooled).toBe(false);
    expect(health.judged("machine", WITH_TOOLS, "template_render", 60_001).cooled).toBe(false);
    expect(health.judged("machine", WITH_TOOLS, "template_render", 90_000)).toEqual({ breaker: undefined, cooled: true });
    const until_ms = 90_000 + ERROR_COOLDOWN_LIMITS.cooldown_ms;
    expect(health.applied(VIEW).errorCooldownUntil_ms).toEqual(new Map([["tools build", until_ms]]));
    // A further fault prolongs the rest, and is not told of again.
    expect(health.judged("machine", WITH_TOOLS, "internal", 200_000).cooled).toBe(false);
    expect(health.applied(VIEW).errorCooldownUntil_ms.get("tools build")).toBe(200_000 + ERROR_COOLDOWN_LIMITS.cooldown_ms);
    // A text that went well says nothing of tools.
    health.judged("machine", WORK, "success", 200_001);
    expect(health.applied(VIEW).errorCooldownUntil_ms.size).toBe(1);
    health.judged("machine", WITH_TOOLS, "success", 200_002);
    expect(health.applied(VIEW).errorCooldownUntil_ms.size).toBe(0);
  });

  it("counts once what one stall takes down together, however many requests that are", () => {
    const health = new HealthMemory();
    const failed = (began_ms: number, now_ms: number) => health.judged("machine", { ...WORK, began_ms }, "timeout", now_ms).cooled;
    expect([failed(0, 6_000), failed(1_000, 6_000), failed(2_000, 7_000), failed(5_999, 11_000)]).toEqual([false, false, false, false]);
    expect(health.applied(VIEW).errorCooldownUntil_ms.size).toBe(0);
    // Another that was sent there once that was known.
    expect(failed(6_000, 12_000)).toBe(true);
    expect(failed(11_000, 20_000)).toBe(false);
    expect(health.applied(VIEW).errorCooldownUntil_ms.get("base build")).toBe(12_000 + ERROR_COOLDOWN_LIMITS.cooldown_ms);
  });

  it("says when a breaker opens and closes", () => {
    const health = new HealthMemory();
    for (let fault = 0; fault < 4; fault += 1) expect(health.judged("machine", WORK, "internal", 0).breaker).toBeUndefined();
    expect(health.judged("machine", WORK, "internal", 0).breaker).toBe("opened");
    expect(health.judged("machine", WORK, "internal", 1).breaker).toBeUndefined();
    expect(health.judged("machine", WORK, "success", 2).breaker).toBe("closed");
  });

  it("counts what counts against a machine, and is sure of nothing before twenty outcomes", () => {
    const health = new HealthMemory();
    for (const outcome of ["client_request", "cancelled", "capacity_kv", "draining", "neutral", "load_failed_memory"] as const) {
      health.judged("machine", WORK, outcome, 0);
    }
    for (let job = 0; job < 18; job += 1) health.judged("machine", WORK, "success", 0);
    health.judged("machine", WORK, "disconnected", 0);
    expect(health.applied(VIEW).reliability).toBeUndefined();
    health.judged("machine", WORK, "timeout", 0);
    expect(health.applied(VIEW).reliability).toBeCloseTo(0.699, 3);
    expect(health.standing("machine")).toMatchObject({ reputation: { jobsOk: 18, jobsFailed: 2 } });
    // It opens no breaker: the answer was there.
    for (let answer = 0; answer < 6; answer += 1) health.misreported("machine");
    expect(health.applied(VIEW).reliability).toBeLessThan(0.699);
    expect(health.judged("machine", WORK, "success", 0).breaker).toBeUndefined();
    expect(health.standing("machine")).toMatchObject({ reputation: { jobsOk: 19, jobsFailed: 8 } });
  });

  it("knows how long a machine was there, how it answered challenges and how soon it responded", () => {
    const health = new HealthMemory();
    expect(health.standing("machine").score).toBe(0.5);
    health.alive("machine", 5_000);
    health.alive("machine", 120_001);
    health.challenged("machine", "passed");
    health.challenged("machine", "failed");
    health.responded("machine", 2_000);
    health.responded("machine", -5);
    health.responded("machine", 1_000);
    const { reputation } = health.standing("machine");
    expect(reputation).toMatchObject({ uptime_ms: 5_000, challengesOk: 1, challengesFailed: 1, response_ms: 1_800 });
  });

  it("goes to another process whole, and from there into one that does not know better", () => {
    const health = new HealthMemory();
    for (let fault = 0; fault < 5; fault += 1) health.judged("machine", WITH_TOOLS, "internal", 1_000);
    health.judged("machine", WORK, "load_failed_artifact", 1_000);
    const [[, record] = [], ...others] = health.takeUnstored(10);
    if (record === undefined) throw new Error("nothing is to be stored");
    expect(others).toEqual([]);
    expect(health.takeUnstored(10)).toEqual([]);

    const later = new HealthMemory();
    later.restore("machine", shifted(JSON.parse(JSON.stringify(record)), -50_000));
    const view = later.applied(VIEW);
    expect(view).toMatchObject({ breakerOpenUntil_ms: 11_000, loadCooldownUntil_ms: new Map([["build", 71_000]]) });
    expect(view.errorCooldownUntil_ms).toEqual(new Map([["tools build", 251_000]]));
    expect(later.standing("machine")).toEqual(health.standing("machine"));
    // The back-off goes on where it was.
    later.judged("machine", WORK, "internal", 12_000);
    expect(later.applied(VIEW).breakerOpenUntil_ms).toBe(12_000 + 120_000);
    later.restore("machine", record);
    expect(later.applied(VIEW).breakerOpenUntil_ms).toBe(12_000 + 120_000);
  });

  it("gives out what could not be stored again, and uptime only now and then", () => {
    const health = new HealthMemory();
    health.challenged("one", "passed");
    health.challenged("two", "passed");
    expect(health.takeUnstored(1).map(([machineId]) => machineId)).toEqual(["one"]);
    health.notStored(["one"]);
    expect(health.takeUnstored(5).map(([machineId]) => machineId)).toEqual(["two", "one"]);
    for (let beat = 0; beat < 59; beat += 1) health.alive("one", 5_000);
    expect(health.takeUnstored(5)).toEqual([]);
    health.alive("one", 5_000);
    expect(health.takeUnstored(5)).toHaveLength(1);
  });

  it("bounds what rests on one machine", () => {
    const health = new HealthMemory();
    for (let build = 0; build <= COOLDOWNS_MAX; build += 1) {
      health.judged("machine", { ...WORK, build: `build ${build}` }, "load_failed_artifact", build);
    }
    const { loadCooldownUntil_ms } = health.applied(VIEW);
    expect(loadCooldownUntil_ms.size).toBe(COOLDOWNS_MAX);
    expect(loadCooldownUntil_ms.has("build 0")).toBe(false);
  });
});
