import { describe, expect, it } from "vitest";
import { BUILD, builds, buildView, NOW_MS, providerView, requestSpec, routingContext, slots, slotView } from "../testing/fixtures.js";
import { REFUSAL_CASES } from "../testing/refusals.js";
import { type ProviderView, REFUSAL_REASONS, type RefusalReason, type RequestSpec, type RoutingContext } from "../types.js";
import { GATES } from "./index.js";

const refusing = (
  provider: Partial<ProviderView>,
  spec: Partial<RequestSpec> = {},
  context: Partial<RoutingContext> = {},
): RefusalReason[] =>
  GATES.filter((gate) => gate.refuses(providerView(provider), requestSpec(spec), routingContext(context))).map((gate) => gate.reason);

describe("the gates", () => {
  it("stand in the order of the refusal reasons, one for each", () => {
    expect(GATES.map((gate) => gate.reason)).toEqual(REFUSAL_REASONS);
  });

  it("let a perfect match pass", () => {
    expect(refusing({})).toEqual([]);
  });

  it.each(REFUSAL_REASONS)("refuse with %s, and nothing before it, for its least cause", (reason) => {
    const { provider, spec, context } = REFUSAL_CASES[reason];
    expect(refusing(provider ?? {}, spec, context)[0]).toBe(reason);
  });

  it("do not compare weights when the catalogue names none", () => {
    expect(refusing({ builds: builds(buildView({ weightHash: "cd".repeat(32) })) }, { weightHash: "" })).toEqual([]);
  });

  it("refuse other weights, and a machine that names none", () => {
    expect(refusing({ builds: builds(buildView({ weightHash: "cd".repeat(32) })) })).toEqual(["not_in_catalog"]);
    expect(refusing({ builds: builds(buildView({ weightHash: "" })) })).toEqual(["not_in_catalog"]);
    const formerHashes = new Set(["cd".repeat(32)]);
    expect(refusing({ builds: builds(buildView({ weightHash: "cd".repeat(32) })) }, { formerHashes })).toEqual([]);
    expect(refusing({ builds: builds(buildView({ weightHash: "ef".repeat(32) })) }, { formerHashes })).toEqual(["not_in_catalog"]);
  });

  it("exclude a machine that failed, also after it has reconnected", () => {
    expect(refusing({ id: "session-2", machineId: "m" }, { excluded: new Set(["m"]) })).toEqual(["excluded"]);
  });

  it.each([
    ["allowed machine", {}, { allowedMachines: new Set(["machine-of-session-1"]) }],
    ["own machine", { accountId: "account-consumer" }, { route: "self" as const }],
    ["load cooldown that ends now", { loadCooldownUntil_ms: new Map([[BUILD, NOW_MS]]) }, {}],
    ["load cooldown of another build", { loadCooldownUntil_ms: new Map([["other", NOW_MS + 1]]) }, {}],
    ["breaker whose time ends now", { breakerOpenUntil_ms: NOW_MS }, {}],
    ["challenge exactly as old as may be", { challengedAt_ms: NOW_MS - 960_000 }, {}],
    ["version at the floor", { version: "v1.0" }, {}],
    ["build without tools, for a request without", { builds: builds(buildView({ tools: false, vision: false })) }, {}],
    ["prompt and answer that just fill the window", {}, { promptTokens: 8092 }],
    ["unknown window", { builds: builds(buildView({ contextLength_tokens: 0 })) }, { promptTokens: 50_000 }],
    ["slot that sleeps", { slots: slots(slotView({ state: "idle_shutdown" })) }, {}],
    ["last free place", { slots: slots(slotView({ running: 7 })) }, {}],
    ["tokens that just fit", { slots: slots(slotView({ tokenBudgetUsed: 99_800 })) }, {}],
    ["first token exactly at the ceiling", {}, { ttftCeiling_ms: 120 }],
    ["ceiling without a capacity report", { slots: undefined }, { ttftCeiling_ms: 1 }],
  ])("pass: %s", (_, provider, spec) => {
    expect(refusing(provider, spec)).toEqual([]);
  });

  it("count a machine without an account as nobody's own", () => {
    expect(refusing({ accountId: undefined }, { route: "self" })).toEqual(["not_owned"]);
  });

  it("say when a refusal clears by itself, where it does", () => {
    const provider = providerView({
      loadCooldownUntil_ms: new Map([[BUILD, 7]]),
      errorCooldownUntil_ms: new Map([[`base ${BUILD}`, 8]]),
      breakerOpenUntil_ms: 9,
    });
    const until = GATES.flatMap((gate) => (gate.until_ms ? [[gate.reason, gate.until_ms(provider, requestSpec())]] : []));
    expect(until).toEqual([
      ["load_cooldown", 7],
      ["error_cooldown", 8],
      ["breaker_open", 9],
    ]);
  });
});
