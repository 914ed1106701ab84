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
 * one that serves other models beside a dedicated one. Nothing else: an owner too gets only connected, sealed, freshly challenged machines with the right weights and program.
 */
export const OWNER_RELAXATION: readonly RefusalReason[] = ["dedicated_excluded", "private_only", "trust_below_minimum"];

/** Gates on a machine that serves the public, whatever the build and the request: routing.md §3.1 writes them 9–14. */
const PUBLIC_MACHINE: readonly RefusalReason[] = [
  ...(["offline_or_untrusted", "draining", "private_only", "trust_below_minimum"] as const),
  ...(["runtime_unverified", "privacy_unsupported", "challenge_stale", "version_floor"] as const),
];

/** Gates on a machine that is told to load a build, for requests of ordinary length: also those that pass by themselves, since a load is for now. */
const LOAD_TARGET: readonly RefusalReason[] = [
  ...(["not_in_catalog", "dedicated_excluded", "load_cooldown", "error_cooldown", "breaker_open"] as const),
  ...PUBLIC_MACHINE,
  ...(["template_broken", "context_too_small", "slot_unavailable", "thermal_critical", "model_too_large", "capacity"] as const),
];

/**
 * The gates of questions that are no decision about one request: lists of what applies, since most gates do not. Where a machine must be
 * good for a build, one that cannot render its template is not: it serves no request at all.
 */
export const STANDING_GATES = {
  /** Whether anybody could serve the build, however busy: which build of an alias is meant (routing.md §12.2). */
  alias_probe: [
    ...(["not_owned", "serial_not_allowed", "not_in_catalog", "dedicated_excluded", "load_cooldown"] as const),
    ...PUBLIC_MACHINE,
    ...(["template_broken", "slot_unavailable", "model_too_large"] as const),
  ],
  /** Whether the machine is anybody's capacity for the build, however busy: what the planning of loads counts. */
  warm_check: ["not_in_catalog", "dedicated_excluded", ...PUBLIC_MACHINE, "template_broken"],
  /** Whether the build may be loaded there, to serve anybody. Of an idle machine; idleness is the planner's to see. */
  load_target: LOAD_TARGET,
  /** Whether it may be loaded there for this request: whether a request that nobody has in memory is worth keeping. */
  cold_spill: [...LOAD_TARGET, "tools_unsupported", "vision_unsupported", "structured_unsupported"],
  /** Whether the machine counts in public figures, whatever the build. */
  public_capacity: PUBLIC_MACHINE,
  /** Whether it is a machine of the caller's that is there at all. */
  owner_online: ["not_owned", "offline_or_untrusted"],
  /** Whether the caller's own machine serves the build, however busy: what is the matter with a request for own machines. */
  owner_probe: [
    ...(["not_owned", "serial_not_allowed", "not_in_catalog", "offline_or_untrusted", "draining"] as const),
    ...(["runtime_unverified", "privacy_unsupported", "challenge_stale", "version_floor"] as const),
  ],
  /** Whether the machine could serve the request if it were idle and cool: whose memory counts for how long a request may be. */
  servability: [
    ...(["not_owned", "serial_not_allowed", "not_in_catalog", "dedicated_excluded"] as const),
    ...PUBLIC_MACHINE,
    ...(["template_broken", "tools_unsupported", "vision_unsupported", "structured_unsupported", "context_too_small"] as const),
    "model_too_large",
  ],
  /** Whether the machine is there and can do what the request needs: whether waiting could help. */
  presence_probe: [
    ...(["serial_not_allowed", "not_in_catalog", "offline_or_untrusted", "template_broken", "version_floor"] as const),
    ...(["tools_unsupported", "vision_unsupported", "structured_unsupported"] as const),
  ],
} as const satisfies Readonly<Record<string, readonly RefusalReason[]>>;
export type StandingProfileName = keyof typeof STANDING_GATES;

/** Standing profiles that spare an owner what `select` does: they say beforehand what dispatch can then serve. */
const OWNER_RELAXED: readonly StandingProfileName[] = ["alias_probe", "servability"];

interface Profile {
  readonly gates: readonly Gate[];
  /** For machines of the caller, when the request is for or prefers them. */
  readonly ownerGates: readonly Gate[];
}

const PROFILES: Readonly<Record<ProfileName | StandingProfileName, Profile>> = {
  select: profile("select"),
  select_failopen: profile("select_failopen"),
  preview: profile("preview"),
  alias_probe: standingProfile("alias_probe"),
  warm_check: standingProfile("warm_check"),
  load_target: standingProfile("load_target"),
  cold_spill: standingProfile("cold_spill"),
  public_capacity: standingProfile("public_capacity"),
  owner_online: standingProfile("owner_online"),
  owner_probe: standingProfile("owner_probe"),
  servability: standingProfile("servability"),
  presence_probe: standingProfile("presence_probe"),
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
  return { gates, ownerGates: spared(gates) };
}

function standingProfile(name: StandingProfileName): Profile {
  const reasons: readonly RefusalReason[] = STANDING_GATES[name];
  const gates = GATES.filter((gate) => reasons.includes(gate.reason));
  return { gates, ownerGates: OWNER_RELAXED.includes(name) ? spared(gates) : gates };
}

function spared(gates: readonly Gate[]): readonly Gate[] {
  return gates.filter((gate) => !OWNER_RELAXATION.includes(gate.reason));
}
