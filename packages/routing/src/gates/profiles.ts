import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import type { Gate } from "./gate.js";
import { GATES } from "./index.js";

/** Who asks: dispatch, its second pass past machines that rest for their failures, or admission before money is held. */
export type ProfileName = "select" | "select_failopen" | "preview";

/** The gates that each profile leaves out (routing.md §3.1); all others apply, in the one order. */
export const PROFILE_OMISSIONS: Readonly<Record<ProfileName, readonly RefusalReason[]>> = {
  select: [],
  select_failopen: ["error_cooldown", "breaker_open"],
  /** Rests and exclusions come and go within a request; a ceiling would hide the estimate that admission wants to see. */
  preview: ["excluded", "error_cooldown", "breaker_open", "ttft_ceiling"],
};

/**
 * The gates waived for an owner's request on the owner's machine: the trust floor falls to none, and a private machine serves, and so does
 * one that serves other models beside a dedicated one. Nothing else: an owner too gets only connected, sealed, freshly challenged machines with the right weights.
 */
export const OWNER_RELAXATION: readonly RefusalReason[] = ["dedicated_excluded", "private_only", "trust_below_minimum"];

/**
 * Asks whether a machine is anybody's capacity for a build, however busy it is (routing.md §3.1 `warm_check`): what planning of loads counts.
 * A list of what applies, since most gates do not; and no owner is spared anything.
 */
export type StandingProfileName = "warm_check";

const STANDING_GATES: Readonly<Record<StandingProfileName, readonly RefusalReason[]>> = {
  warm_check: [
    "not_in_catalog",
    "dedicated_excluded",
    "offline_or_untrusted",
    "draining",
    "private_only",
    "trust_below_minimum",
    "privacy_unsupported",
    "challenge_stale",
    "template_broken",
    "version_floor",
  ],
};

interface Profile {
  readonly gates: readonly Gate[];
  /** For machines of the caller, when the request is for or prefers them. */
  readonly ownerGates: readonly Gate[];
}

const PROFILES: Readonly<Record<ProfileName | StandingProfileName, Profile>> = {
  select: profile("select"),
  select_failopen: profile("select_failopen"),
  preview: profile("preview"),
  warm_check: standingProfile("warm_check"),
};

/** Whether the machine belongs to the caller and the request asks for that. */
export function isOwnersRequest(provider: ProviderView, spec: RequestSpec): boolean {
  return spec.route !== "public" && provider.accountId === spec.accountId;
}

/** The first gate of the profile, in order, that refuses the machine; undefined if none does. */
export function firstRefusal(
  name: ProfileName | StandingProfileName,
  provider: ProviderView,
  spec: RequestSpec,
  context: RoutingContext,
): Gate | undefined {
  const { gates, ownerGates } = PROFILES[name];
  for (const gate of isOwnersRequest(provider, spec) ? ownerGates : gates) {
    if (gate.refuses(provider, spec, context)) return gate;
  }
  return undefined;
}

function profile(name: ProfileName): Profile {
  const gates = GATES.filter((gate) => !PROFILE_OMISSIONS[name].includes(gate.reason));
  return { gates, ownerGates: gates.filter((gate) => !OWNER_RELAXATION.includes(gate.reason)) };
}

function standingProfile(name: StandingProfileName): Profile {
  const gates = GATES.filter((gate) => STANDING_GATES[name].includes(gate.reason));
  return { gates, ownerGates: gates };
}
