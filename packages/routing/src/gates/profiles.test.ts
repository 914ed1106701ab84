import { describe, expect, it } from "vitest";
import { providerView, requestSpec, routingContext } from "../testing/fixtures.js";
import { REFUSAL_CASES } from "../testing/refusals.js";
import { REFUSAL_REASONS } from "../types.js";
import { firstRefusal, type ProfileName, type StandingProfileName } from "./profiles.js";

const PROFILES: readonly (ProfileName | StandingProfileName)[] = ["select", "select_failopen", "preview", "warm_check"];

/** What each profile says of each state: of anybody's machine, then of the caller's own under `route: prefer`. */
function matrix(): string[] {
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
    const cells = PROFILES.flatMap((profile) => [
      verdict(profile, "account-provider", "public"),
      verdict(profile, "account-consumer", "prefer"),
    ]);
    return [reason.padEnd(21), ...cells.map((cell) => cell.padEnd(8))].join(" ").trimEnd();
  });
}

describe("gate profiles", () => {
  it("give each provider state this verdict, for anybody's machine and for the caller's own", () => {
    expect(matrix()).toMatchInlineSnapshot(`
      [
        "not_owned             refused  -        refused  -        refused  -        -        -",
        "serial_not_allowed    refused  refused  refused  refused  refused  refused  -        -",
        "excluded              refused  refused  refused  refused  -        -        -        -",
        "not_in_catalog        refused  refused  refused  refused  refused  refused  refused  refused",
        "dedicated_excluded    refused  -        refused  -        refused  -        refused  refused",
        "load_cooldown         refused  refused  refused  refused  refused  refused  -        -",
        "error_cooldown        refused  refused  -        -        -        -        -        -",
        "breaker_open          refused  refused  -        -        -        -        -        -",
        "offline_or_untrusted  refused  refused  refused  refused  refused  refused  refused  refused",
        "draining              refused  refused  refused  refused  refused  refused  refused  refused",
        "private_only          refused  -        refused  -        refused  -        refused  refused",
        "trust_below_minimum   refused  -        refused  -        refused  -        refused  refused",
        "privacy_unsupported   refused  refused  refused  refused  refused  refused  refused  refused",
        "challenge_stale       refused  refused  refused  refused  refused  refused  refused  refused",
        "template_broken       refused  refused  refused  refused  refused  refused  refused  refused",
        "version_floor         refused  refused  refused  refused  refused  refused  refused  refused",
        "tools_unsupported     refused  refused  refused  refused  refused  refused  -        -",
        "vision_unsupported    refused  refused  refused  refused  refused  refused  -        -",
        "structured_unsupported refused  refused  refused  refused  refused  refused  -        -",
        "context_too_small     refused  refused  refused  refused  refused  refused  -        -",
        "slot_unavailable      refused  refused  refused  refused  refused  refused  -        -",
        "concurrency           refused  refused  refused  refused  refused  refused  -        -",
        "thermal_critical      refused  refused  refused  refused  refused  refused  -        -",
        "model_too_large       refused  refused  refused  refused  refused  refused  -        -",
        "capacity              refused  refused  refused  refused  refused  refused  -        -",
        "ttft_ceiling          refused  refused  refused  refused  -        -        -        -",
      ]
    `);
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
