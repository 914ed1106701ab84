import { describe, expect, it } from "vitest";
import type { ProviderView } from "../types.js";
import { HealthMemory, REMEMBERED_MACHINES_MAX } from "./health-memory.js";
import { CLOSED_NODE_BREAKER } from "./node-breaker.js";

const VIEW = {
  machineId: "machine",
  breakerOpenUntil_ms: CLOSED_NODE_BREAKER.openUntil_ms,
  loadCooldownUntil_ms: new Map<string, number>(),
} as unknown as ProviderView;

describe("HealthMemory", () => {
  it("leaves a view as it is while there is nothing to remember", () => {
    const health = new HealthMemory();
    expect(health.applied(VIEW)).toBe(VIEW);
    health.reserved("machine", 0);
    health.judged("machine", "build", "success", 1);
    health.judged("machine", "build", "cancelled", 2);
    health.judged("machine", "build", "capacity_kv", 3);
    health.judged("machine", "build", "client_request", 4);
    expect(health.applied(VIEW)).toBe(VIEW);
  });

  it("opens a machine's breaker after five faults in a row, and closes it with a success", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", "build", "engine_crash", 1000);
    const open = health.applied(VIEW);
    expect(open.breakerOpenUntil_ms).toBe(61_000);
    health.judged("machine", "build", "success", 70_000);
    expect(health.applied(open).breakerOpenUntil_ms).toBe(0);
  });

  it("admits one probe at a time when the rest is over", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", "build", "timeout", 0);
    health.reserved("machine", 60_000);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBeGreaterThan(60_000);
    health.judged("machine", "build", "neutral", 61_000);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBeLessThanOrEqual(61_000);
  });

  it("rests a build after a failed load until a request for it ends well", () => {
    const health = new HealthMemory();
    health.judged("machine", "build", "load_failed_artifact", 1000);
    const resting = health.applied(VIEW);
    expect(resting.loadCooldownUntil_ms).toEqual(new Map([["build", 121_000]]));
    expect(health.applied(resting)).toBe(resting);
    health.judged("machine", "build", "success", 2000);
    expect(health.applied(resting).loadCooldownUntil_ms.size).toBe(0);
  });

  it("forgets the machine heard of least recently when it remembers too many", () => {
    const health = new HealthMemory();
    for (let i = 0; i < 5; i++) health.judged("machine", "build", "internal", 0);
    for (let i = 1; i < REMEMBERED_MACHINES_MAX; i++) health.reserved(`other ${i}`, 0);
    expect(health.applied(VIEW).breakerOpenUntil_ms).toBe(60_000);
    health.reserved("one more", 0);
    expect(health.applied({ ...VIEW, breakerOpenUntil_ms: 0 }).breakerOpenUntil_ms).toBe(0);
  });
});
