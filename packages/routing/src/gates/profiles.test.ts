import { describe, expect, it } from "vitest";
import { providerView, requestSpec, routingContext } from "../testing/fixtures.js";
import { REFUSAL_CASES } from "../testing/refusals.js";
import { REFUSAL_REASONS } from "../types.js";
import { firstRefusal, type ProfileName, STANDING_GATES, type StandingProfileName } from "./profiles.js";

const PROFILES: readonly ProfileName[] = ["select", "select_failopen", "preview"];

/**
 * The table of routing.md §3.1, with the gates that it does not have: `draining` stands beside 9 wherever a machine is to take work, and the
 * version floor is one for all requests. One difference: `alias_probe`, `warm_check` and `load_target` refuse a broken
 * template (15), which serves no request at all; and `load_target` reckons with heat, rests and memory, which its Build line asks for.
 */
const STANDING_TABLE: Readonly<Record<StandingProfileName, string>> = {
  alias_probe:
    "not_owned serial_not_allowed not_in_catalog dedicated_excluded load_cooldown offline_or_untrusted draining private_only " +
    "trust_below_minimum runtime_unverified privacy_unsupported challenge_stale template_broken version_floor slot_unavailable model_too_large",
  warm_check:
    "not_in_catalog dedicated_excluded offline_or_untrusted draining private_only trust_below_minimum runtime_unverified privacy_unsupported " +
    "challenge_stale template_broken version_floor",
  load_target:
    "not_in_catalog dedicated_excluded load_cooldown error_cooldown breaker_open offline_or_untrusted draining private_only " +
    "trust_below_minimum runtime_unverified privacy_unsupported challenge_stale template_broken version_floor context_too_small slot_unavailable " +
    "thermal_critical model_too_large capacity",
  cold_spill:
    "not_in_catalog dedicated_excluded load_cooldown error_cooldown breaker_open offline_or_untrusted draining private_only " +
    "trust_below_minimum runtime_unverified privacy_unsupported challenge_stale template_broken version_floor tools_unsupported vision_unsupported " +
    "structured_unsupported context_too_small slot_unavailable thermal_critical model_too_large capacity",
  public_capacity:
    "offline_or_untrusted draining private_only trust_below_minimum runtime_unverified privacy_unsupported challenge_stale version_floor",
  owner_online: "not_owned offline_or_untrusted",
  owner_probe:
    "not_owned serial_not_allowed not_in_catalog offline_or_untrusted draining runtime_unverified privacy_unsupported challenge_stale version_floor",
  servability:
    "not_owned serial_not_allowed not_in_catalog dedicated_excluded offline_or_untrusted draining private_only trust_below_minimum " +
    "runtime_unverified privacy_unsupported challenge_stale template_broken version_floor tools_unsupported vision_unsupported " +
    "structured_unsupported context_too_small model_too_large",
  presence_probe:
    "serial_not_allowed not_in_catalog offline_or_untrusted template_broken version_floor tools_unsupported vision_unsupported " +
    "structured_unsupported",
};

/** What profiles say of each state: of anybody's machine, then of the caller's own under `route: prefer`. */
function matrix(profiles: readonly (ProfileName | StandingProfileName)[]): string[] {
  return REFUSAL_REASONS.map((reason) => {
    const { provider, spec, context } = REFUSAL_CASES[reason];
    const verdict = (profile: ProfileName | StandingProfileName, accountId: string, route: "public" | "prefer" | "self") => {
      const gate = firstRefusal(
        profile,
        providerView({ ...provider, accountId }),
        requestSpec({ route, ...spec }),
        routingContext({ ...context }),
      );
      return gate ? "refused" : "-";
    };
    const cells = profiles.flatMap((profile) => [
      verdict(profile, "account-provider", "public"),
      verdict(profile, "account-consumer", "prefer"),
    ]);
    return [reason.padEnd(21), ...cells.map((cell) => cell.padEnd(8))].join(" ").trimEnd();
  });
}

describe("gate profiles", () => {
  it("give each provider state this verdict, for anybody's machine and for the caller's own", () => {
    expect(matrix(PROFILES)).toMatchInlineSnapshot(`
      [
        "not_owned             refused  -        refused  -        refused  -",
        "serial_not_allowed    refused  refused  refused  refused  refused  refused",
        "excluded              refused  refused  refused  refused  -        -",
        "not_in_catalog        refused  refused  refused  refused  refused  refused",
        "dedicated_excluded    refused  -        refused  -        refused  -",
        "load_cooldown         refused  refused  refused  refused  refused  refused",
        "error_cooldown        refused  refused  -        -        -        -",
        "breaker_open          refused  refused  -        -        -        -",
        "offline_or_untrusted  refused  refused  refused  refused  refused  refused",
        "draining              refused  refused  refused  refused  refused  refused",
        "private_only          refused  -        refused  -        refused  -",
        "trust_below_minimum   refused  -        refused  -        refused  -",
        "runtime_unverified    refused  refused  refused  refused  refused  refused",
        "privacy_unsupported   refused  refused  refused  refused  refused  refused",
        "challenge_stale       refused  refused  refused  refused  refused  refused",
        "template_broken       refused  refused  refused  refused  refused  refused",
        "version_floor         refused  refused  refused  refused  refused  refused",
        "tools_unsupported     refused  refused  refused  refused  refused  refused",
        "vision_unsupported    refused  refused  refused  refused  refused  refused",
        "structured_unsupported refused  refused  refused  refused  refused  refused",
        "context_too_small     refused  refused  refused  refused  refused  refused",
        "slot_unavailable      refused  refused  refused  refused  refused  refused",
        "concurrency           refused  refused  refused  refused  refused  refused",
        "thermal_critical      refused  refused  refused  refused  refused  refused",
        "model_too_large       refused  refused  refused  refused  refused  refused",
        "capacity              refused  refused  refused  refused  refused  refused",
        "ttft_ceiling          refused  refused  refused  refused  -        -",
      ]
    `);
  });

  it.each(Object.keys(STANDING_GATES) as StandingProfileName[])("give each provider state this verdict for %s", (profile) => {
    const refused = REFUSAL_REASONS.filter((reason) => {
      const { provider, spec, context } = REFUSAL_CASES[reason];
      return firstRefusal(profile, providerView(provider), requestSpec(spec), routingContext(context)) !== undefined;
    });
    expect(refused).toEqual(STANDING_TABLE[profile].split(" "));
  });

  it("spare an owner in alias_probe and servability what select spares, and nothing elsewhere", () => {
    const own = { accountId: "account-consumer" };
    for (const reason of ["dedicated_excluded", "private_only", "trust_below_minimum"] as const) {
      const { provider, spec, context } = REFUSAL_CASES[reason];
      const sparing = (Object.keys(STANDING_GATES) as StandingProfileName[]).filter((profile) => {
        const by = (route: "public" | "prefer") =>
          firstRefusal(profile, providerView({ ...provider, ...own }), requestSpec({ ...spec, route }), routingContext(context));
        return by("public") !== undefined && by("prefer") === undefined;
      });
      expect([reason, ...sparing]).toEqual([reason, "alias_probe", "servability"]);
    }
  });

  it("relax nothing for an owner whose request is public", () => {
    const own = providerView({ accountId: "account-consumer", privateOnly: true });
    expect(firstRefusal("select", own, requestSpec(), routingContext())?.reason).toBe("private_only");
    expect(firstRefusal("select", own, requestSpec({ route: "self" }), routingContext())).toBeUndefined();
  });

  it("relax nothing on other people's machines", () => {
    const foreign = providerView({ privateOnly: true });
    expect(firstRefusal("select", foreign, requestSpec({ route: "prefer" }), routingContext())?.reason).toBe("private_only");
  });

  it("admit an owner's machine of no trust at all, but never one without sealing, trust of the coordinator or a fresh challenge", () => {
    const spec = requestSpec({ route: "self" });
    const context = routingContext({ minTrust: "hardware" });
    const own = { accountId: "account-consumer", trustLevel: "none" } as const;
    expect(firstRefusal("select", providerView(own), spec, context)).toBeUndefined();
    expect(firstRefusal("select", providerView({ ...own, sealing: false }), spec, context)?.reason).toBe("privacy_unsupported");
    expect(firstRefusal("select", providerView({ ...own, trusted: false }), spec, context)?.reason).toBe("offline_or_untrusted");
    expect(firstRefusal("select", providerView({ ...own, challengedAt_ms: undefined }), spec, context)?.reason).toBe("challenge_stale");
  });
});
