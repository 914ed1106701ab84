import { fromProvider, type Heartbeat, type Register, toBase64 } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { select } from "./select.js";
import { BUILD, OTHER_BUILD, providerView, requestSpec, routingContext, WEIGHT_HASH } from "./testing/fixtures.js";
import type { ProviderView } from "./types.js";
import {
  isSameButForLoad,
  providerViewFromRegister,
  withChallengePassed,
  withChallengeRevoked,
  withDraining,
  withHealth,
  withHeartbeat,
  withoutPending,
  withPending,
  withRead,
  withSuspectRelease,
  withTrust,
} from "./views.js";

const KEY = toBase64(new Uint8Array(32));

function registered(change: object = {}): ProviderView {
  const message = fromProvider.parse({
    type: "register",
    protocol: 1,
    version: "1.2.0",
    backend: "scripted",
    hardware: {
      platform: "linux",
      arch: "x64",
      os_version: "6.1",
      chip_name: "a processor",
      compute_class: "cpu-avx2",
      memory_gb: 32,
      cpu_cores: 2,
    },
    models: [
      { id: BUILD, size_bytes: 3_000_000, format: "gguf", context_length: 1024, weight_hash: WEIGHT_HASH, capabilities: ["chat", "tools"] },
    ],
    encryption_key: KEY,
    device_key: { kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) },
    attestation: "jws",
    decode_tps: 100,
    prefill_tps: 2000,
    ...change,
  });
  return providerViewFromRegister(message as Register, { sessionId: "s", machineId: "m", accountId: "owner" });
}

function heartbeat(change: object = {}): Heartbeat {
  return fromProvider.parse({
    type: "heartbeat",
    status: "idle",
    stats: { requests_served: 0, tokens_generated: 0 },
    system_metrics: { memory_pressure: 0.25, cpu_usage: 7, thermal_state: "fair" },
    capacity: {
      slots: [
        {
          model: BUILD,
          state: "running",
          num_running: 1,
          num_waiting: -1,
          max_concurrency: 4,
          active_tokens: 10,
          token_budget_used: 20,
          token_budget_max: 1000,
          observed_decode_tps: 80,
          observed_prefill_tps: 1e9,
        },
      ],
      total_memory_gb: 64,
      free_for_load_gb: 0,
    },
    ...change,
  }) as Heartbeat;
}

describe("a machine's first view", () => {
  it("holds what it registered", () => {
    expect(registered()).toMatchObject({
      id: "s",
      machineId: "m",
      accountId: "owner",
      version: "1.2.0",
      computeClass: "cpu-avx2",
      runtimeVerified: true,
      sealing: true,
      totalMemory_gb: 32,
      staticDecode_tps: 100,
      staticPrefill_tps: 2000,
    });
    expect(registered().builds.get(BUILD)).toMatchObject({ tools: true, vision: false, templateBroken: false, contextLength_tokens: 1024 });
  });

  it("is selected by nobody before trust and a passed challenge", () => {
    const reasons = (view: ProviderView) => Object.keys(select([view], requestSpec(), routingContext({ now_ms: 10 })).refusals);
    const trusted = withTrust(registered(), { trusted: true, trustLevel: "self_signed" });
    expect(reasons(registered())).toEqual(["offline_or_untrusted"]);
    expect(reasons(trusted)).toEqual(["challenge_stale"]);
    expect(reasons(withChallengePassed(trusted, 10))).toEqual([]);
  });

  it("cannot be sealed to with a key of another length", () => {
    expect(registered({ encryption_key: toBase64(new Uint8Array(31)) }).sealing).toBe(false);
  });

  it("keeps the tri-state of the chat template: only an explicit no is broken", () => {
    const model = { id: BUILD, size_bytes: 1, format: "gguf", context_length: 1, weight_hash: WEIGHT_HASH };
    const broken = (template_render_ok: boolean) =>
      registered({ models: [{ ...model, template_render_ok }] }).builds.get(BUILD)?.templateBroken;
    expect(broken(false)).toBe(true);
    expect(broken(true)).toBe(false);
  });

  it("cannot buy traffic with absurd numbers", () => {
    const view = registered({ decode_tps: 1e12, prefill_tps: -1 });
    expect(view.staticDecode_tps).toBeLessThan(1e6);
    expect(view.staticPrefill_tps).toBe(0);
  });
});

describe("a heartbeat", () => {
  it("replaces what it reports, forced into range", () => {
    const view = withHeartbeat(registered(), heartbeat());
    expect(view).toMatchObject({ memoryPressure: 0.25, cpuUsage: 1, thermal: "fair", totalMemory_gb: 64, freeForLoad_gb: 0 });
    expect(view.slots?.get(BUILD)).toMatchObject({
      running: 1,
      waiting: 0,
      observedDecode_tps: 80,
      observedPrefill_tps: 0,
      modelLoad_ms: 0,
    });
  });

  it("without capacity clears slots and free memory, and keeps the total", () => {
    const view = withHeartbeat(withHeartbeat(registered(), heartbeat()), heartbeat({ capacity: undefined }));
    expect(view).toMatchObject({ slots: undefined, freeForLoad_gb: undefined, totalMemory_gb: 64 });
  });

  it("changes neither trust nor what the coordinator has placed", () => {
    const before = withPending(registered(), BUILD, { requests: 1, tokens: 10 });
    const after = withHeartbeat(before, heartbeat());
    expect(after).toMatchObject({ trusted: false, pendingTotal: 1, pending: before.pending });
  });
});

describe("placed work", () => {
  const one = { requests: 1, tokens: 100 };

  it("adds up by build and in all", () => {
    const view = withPending(withPending(withPending(registered(), BUILD, one), BUILD, one), OTHER_BUILD, one);
    expect(view.pending.get(BUILD)).toEqual({ requests: 2, tokens: 200 });
    expect(view.pendingTotal).toBe(3);
  });

  it("knows which prompts have yet to be read, until answers begin or work ends", () => {
    const work = { requests: 1, tokens: 300, unread_tokens: 200 };
    const two = withPending(withPending(registered(), BUILD, work), BUILD, work);
    expect(two.pending.get(BUILD)).toEqual({ requests: 2, tokens: 600, unread_tokens: 400 });
    const read = withRead(two, BUILD, 200);
    expect(read.pending.get(BUILD)).toEqual({ requests: 2, tokens: 600, unread_tokens: 200 });
    expect(withoutPending(read, BUILD, { ...work, unread_tokens: 0 }).pending.get(BUILD)).toEqual({
      requests: 1,
      tokens: 300,
      unread_tokens: 200,
    });
    expect(withoutPending(read, BUILD, work).pending.get(BUILD)).toEqual({ requests: 1, tokens: 300 });
    expect(withRead(read, OTHER_BUILD, 200)).toBe(read);
  });

  it("leaves nothing behind once it has ended", () => {
    const view = withoutPending(withPending(registered(), BUILD, one), BUILD, one);
    expect(view.pendingTotal).toBe(0);
    expect(view.pending.size).toBe(0);
  });

  it("never falls below zero", () => {
    expect(withoutPending(registered(), BUILD, one).pendingTotal).toBe(0);
    expect(withoutPending(withPending(registered(), BUILD, one), BUILD, { requests: 2, tokens: 500 })).toMatchObject({ pendingTotal: 0 });
  });

  it("takes what has ended off the last report too, so that the place is free before the next heartbeat", () => {
    const reported = withHeartbeat(withPending(withPending(registered(), BUILD, one), BUILD, one), heartbeat());
    const slot = reported.slots?.get(BUILD);
    const after = withoutPending(reported, BUILD, one).slots?.get(BUILD);
    expect((after?.running ?? 0) + (after?.waiting ?? 0)).toBe((slot?.running ?? 0) + (slot?.waiting ?? 0) - 1);
    expect(after?.tokenBudgetUsed).toBe(Math.max(0, (slot?.tokenBudgetUsed ?? 0) - one.tokens));
  });

  it("does not change the view it came from", () => {
    const before = withPending(registered(), BUILD, one);
    withPending(before, BUILD, one);
    withoutPending(before, BUILD, one);
    expect(before.pending.get(BUILD)).toEqual(one);
  });
});

describe("views", () => {
  it("are frozen", () => {
    const view = withHeartbeat(registered(), heartbeat());
    expect([view, view.slots?.get(BUILD), view.builds.get(BUILD)].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it("record what the coordinator concludes", () => {
    const view = registered();
    expect(withChallengeRevoked(withChallengePassed(view, 5)).challengedAt_ms).toBeUndefined();
    expect(withDraining(view, true).draining).toBe(true);
    const health = {
      breakerOpenUntil_ms: 9,
      loadCooldownUntil_ms: new Map([[BUILD, 7]]),
      errorCooldownUntil_ms: new Map([[`tools ${BUILD}`, 8]]),
      reliability: 0.9,
    };
    const resting = withHealth(view, health);
    expect(resting).toMatchObject(health);
    expect(withHealth(resting, { ...health, loadCooldownUntil_ms: new Map([[BUILD, 7]]) })).toBe(resting);
    expect(withSuspectRelease(view, true).suspectRelease).toBe(true);
    expect(withSuspectRelease(view, false)).toBe(view);
  });

  it("are the same but for their load where nothing else differs, whatever field it is", () => {
    const view = withDraining(providerView(), false);
    const load = ["slots", "freeForLoad_gb", "memoryPressure", "cpuUsage", "pending", "pendingTotal", "reliability"];
    for (const field of Object.keys(view)) {
      const other = { ...view, [field]: Symbol("something else") } as unknown as ProviderView;
      expect([field, isSameButForLoad(view, other)]).toEqual([field, load.includes(field)]);
    }
  });
});
