import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_COST_PROFILE } from "../cost/profile.js";
import { createFleetIndex } from "../fleet-index/index.js";
import type { ProfileName } from "../gates/profiles.js";
import { seededRandom } from "../random.js";
import { select } from "../select.js";
import * as arbitrary from "../testing/arbitraries.js";
import { NOW_MS, providerView, requestSpec, routingContext, slots, slotView } from "../testing/fixtures.js";
import { type Decision, type FleetRates, type ProviderView, REFUSAL_REASONS, type RoutingContext } from "../types.js";
import { type AuditRecord, digestOf, encodeDecision } from "./encode.js";
import { AUDIT_LIMITS } from "./limits.js";
import { GATES_VERSION } from "./policy.js";
import { replayDecision } from "./replay.js";
import { runnersUp } from "./runners-up.js";

const anyProfile = fc.constantFrom<ProfileName>("select", "select_failopen", "preview");
const anyRates: fc.Arbitrary<FleetRates | undefined> = fc.option(
  fc.record({ decode: fc.constantFrom(0, 7, 33.3), load: fc.constantFrom(0, 1, 5_000, 500_000) }).map(({ decode, load }) => ({
    decode_tps: () => decode,
    load_ms: () => load,
  })),
  { nil: undefined },
);

function textOf(decision: Decision): string {
  const text = encodeDecision(decision)?.text;
  if (text === undefined) throw new Error("the decision has no audit");
  expect(text.length).toBeLessThanOrEqual(AUDIT_LIMITS.record_bytes_max);
  return text;
}

function expectSame(decision: Decision): void {
  const replayed = replayDecision(textOf(decision));
  expect(replayed).toMatchObject({ outcome: "same" });
  if (replayed.outcome === "same") expect(replayed.winner).toEqual(decision.winner);
}

function crowd(count: number, change: (index: number) => Partial<ProviderView>): ProviderView[] {
  return Array.from({ length: count }, (_, index) => providerView({ id: `session-${index}`, ...change(index) }));
}

function indexOf(views: readonly ProviderView[], context: RoutingContext) {
  const index = createFleetIndex();
  for (const view of views) index.set(view, context);
  return index;
}

/** Many random fleets, each encoded and made again: seconds on an idle machine. */
const LONG = { timeout: 120_000 };

describe("a stored decision", () => {
  it("replays as well under other names of sessions, which it then does not hold", () => {
    const nameOf = ({ id }: ProviderView): string => `pseudonym-${id.split("-")[1]}`;
    const views = crowd(40, (index) => ({ version: `0.${index % 3}.0` }));
    const spec = requestSpec({ excluded: new Set(["session-3", "session-5"]) });
    for (const decision of [select(views, spec, routingContext()), indexOf(views, routingContext()).select(spec, routingContext())]) {
      const text = encodeDecision(decision, nameOf)?.text ?? "";
      const replayed = replayDecision(text);
      expect(replayed.outcome).toBe("same");
      if (replayed.outcome === "same")
        expect(replayed.winner?.providerId).toBe(decision.winner?.providerId.replace("session", "pseudonym"));
      // The machine ids of these fixtures contain their sessions' ids.
      expect(text.replaceAll("machine-of-session", "")).not.toContain("session-");
    }
  });

  it("replays to the same winner at the same cost, for any fleet, request, rates and dice, scanned or searched", LONG, () => {
    fc.assert(
      fc.property(
        fc.tuple(arbitrary.fleet, arbitrary.spec, arbitrary.context, anyRates, anyProfile, fc.nat()),
        ([fleet, spec, base, rates, profile, seed]) => {
          const context = { ...base, ...(rates && { rates }), random: seededRandom(seed) };
          expectSame(select(fleet, spec, context, profile));
          expectSame(indexOf(fleet, context).select(spec, context, profile));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("replays when it was drawn from a large group, and when too many were looked at to keep them all", LONG, () => {
    const random = seededRandom(5);
    for (let round = 0; round < 9; round += 1) {
      const spread = round % 3 === 0 ? 0 : random() * 5;
      const views = crowd(700, () => ({
        slots: slots(slotView({ observedDecode_tps: 20 * 20 ** random(), running: Math.floor(random() * spread) })),
        version: random() < 0.5 ? "1.2.0" : "1.3.0",
        accountId: random() < 0.3 ? "account-consumer" : "account-provider",
        breakerOpenUntil_ms: round === 7 || random() < 0.1 ? NOW_MS + 1 : 0,
      }));
      const index = indexOf(views, routingContext());
      for (let ask = 0; ask < 6; ask += 1) {
        const spec = requestSpec({
          promptTokens: Math.floor(random() * 4_000),
          avoidVersion: random() < 0.3 ? "1.2.0" : undefined,
          ...(random() < 0.3 && {
            affinity: { machineId: `machine-of-session-${Math.floor(random() * 700)}`, matched_tokens: 1_000, placement: "placement" },
          }),
          route: random() < 0.2 ? "prefer" : "public",
        });
        const context = routingContext({ random });
        expectSame(index.select(spec, context));
        const scanned = select(views, spec, context);
        expectSame(scanned);
        expect(encodeDecision(scanned)?.truncated).toBe(scanned.candidates > AUDIT_LIMITS.machines_max);
      }
    }
  });

  it("replays with coefficients of its own, which it carries", () => {
    const costProfile = { ...DEFAULT_COST_PROFILE, version: "trial", queued_ms: 1, nearTie_ms: 10 };
    const decision = select(
      crowd(5, (n) => ({ cpuUsage: n / 10 })),
      requestSpec(),
      routingContext({ costProfile }),
    );
    expectSame(decision);
    const record = JSON.parse(textOf(decision)) as AuditRecord;
    expect(record.policy).toMatchObject({ cost: "trial", changed: { queued_ms: 1, nearTie_ms: 10 } });
  });

  it("replays from a database that keeps it as data, in any order of fields", () => {
    const text = textOf(
      select(
        crowd(3, () => ({})),
        requestSpec(),
        routingContext(),
      ),
    );
    const reversed = Object.fromEntries(Object.entries(JSON.parse(text) as AuditRecord).reverse());
    expect(replayDecision(JSON.stringify(reversed))).toMatchObject({ outcome: "same" });
  });

  it("keeps its bounds for machines with more builds than anyone has", () => {
    const many = Array.from({ length: 64 }, (_, n) =>
      slotView({ build: `another-build-of-a-rather-long-name-${n}`, tokenBudgetUsed: n * 1_001 }),
    );
    const decision = select(
      crowd(80, () => ({ slots: slots(slotView(), ...many) })),
      requestSpec(),
      routingContext(),
    );
    expectSame(decision);
    expect(encodeDecision(decision)?.truncated).toBe(true);
  });

  it("names who was refused, and for what", () => {
    const views = [providerView({ id: "a", draining: true }), providerView({ id: "b" })];
    const record = JSON.parse(textOf(select(views, requestSpec(), routingContext()))) as AuditRecord;
    expect(record.refused).toEqual([["machine-of-a", "draining"]]);
    expect(record.winner?.providerId).toBe("b");
  });

  it("tells neither who asked nor whose the machines are", () => {
    const views = [providerView({ id: "a", accountId: "account-consumer" }), providerView({ id: "b" })];
    const text = textOf(select(views, requestSpec({ route: "prefer", excluded: new Set(["gone"]) }), routingContext()));
    expect(text).not.toContain("account-");
    expect(text).not.toContain("gone");
    const affinity = { machineId: undefined, matched_tokens: 0, placement: "key-of-a-prefix" };
    expect(textOf(select(views, requestSpec({ affinity }), routingContext()))).not.toContain("key-of-a-prefix");
  });

  it("is left out of JSON while it is only referred to", () => {
    const decision = select([providerView()], requestSpec(), routingContext());
    expect(JSON.parse(JSON.stringify(decision))).not.toHaveProperty("audit");
  });
});

describe("a record that does not replay says why", () => {
  const decision = select(
    crowd(4, () => ({})),
    requestSpec(),
    routingContext(),
  );
  const record = JSON.parse(textOf(decision)) as AuditRecord;
  const replayed = (change: Partial<AuditRecord>, digest = true) => {
    const changed = { ...record, ...change };
    return replayDecision(JSON.stringify(digest ? { ...changed, digest: digestOf(changed) } : changed));
  };

  it.each<[string, Partial<AuditRecord>, string]>([
    ["another form", { form: 2 }, "unreadable"],
    ["other rules", { policy: { ...record.policy, gates: "0" } }, "policy_differs"],
    ["other built-in coefficients", { policy: { ...record.policy, base: "0" } }, "policy_differs"],
    ["other dice", { draw: (decision.draw ?? 0) < 0.5 ? 0.99 : 0 }, "draw_differs"],
    ["a dearer winner", { winner: { providerId: record.winner?.providerId ?? "", total_ms: 1 } }, "cost_differs"],
    ["another winner", { winner: { providerId: "somebody", total_ms: 1 } }, "draw_differs"],
    ["no winner", { choice: { kind: "none" } }, "not_equal"],
    ["a coefficient that parts the equals", { policy: { ...record.policy, changed: { nearTie_ms: -1 } } }, "not_equal"],
    ["a gate that refuses now", { inputs: JSON.parse(JSON.stringify(record.inputs).replace('"1.2.0"', '"0.2.0"')) }, "refused_now"],
  ])("%s", (_name, change, mismatch) => {
    expect(replayed(change)).toMatchObject({ outcome: "differs", mismatch });
  });

  it("by its digest, when it was changed", () => {
    expect(replayed({ draw: 0.123 }, false)).toMatchObject({ mismatch: "digest_differs" });
    expect(replayDecision("{")).toMatchObject({ mismatch: "unreadable" });
    expect(replayDecision("null")).toMatchObject({ mismatch: "unreadable" });
  });
});

describe("the version of the gates", () => {
  it("goes up with their list: change both here", () => {
    expect({ version: GATES_VERSION, gates: REFUSAL_REASONS.join(" ") }).toMatchInlineSnapshot(`
      {
        "gates": "not_owned serial_not_allowed excluded not_in_catalog dedicated_excluded load_cooldown error_cooldown breaker_open offline_or_untrusted draining private_only trust_below_minimum runtime_unverified privacy_unsupported challenge_stale template_broken version_floor tools_unsupported vision_unsupported structured_unsupported context_too_small slot_unavailable concurrency thermal_critical model_too_large capacity ttft_ceiling",
        "version": "4",
      }
    `);
  });
});

describe("runners-up", () => {
  it("are the cheapest of the others, with their costs", () => {
    const views = crowd(6, (n) => ({ cpuUsage: n / 10 }));
    const decision = select(views, requestSpec(), routingContext({ costProfile: { ...DEFAULT_COST_PROFILE, nearTie_ms: 0 } }));
    expect(decision.winner?.providerId).toBe("session-0");
    expect(runnersUp(decision).map(({ providerId, terms }) => [providerId, terms["health"]])).toEqual([
      ["session-1", 150],
      ["session-2", 300],
      ["session-3", 450],
    ]);
    expect(runnersUp(select([], requestSpec(), routingContext()))).toEqual([]);
  });
});
