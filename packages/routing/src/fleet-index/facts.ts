import { fitsHardware } from "../admission/hardware-fit.js";
import { room_tokens } from "../admission/memory.js";
import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import { errorCooldown } from "../gates/error-cooldown.js";
import type { Gate } from "../gates/gate.js";
import { GATES } from "../gates/index.js";
import { modelTooLarge } from "../gates/model-too-large.js";
import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import { typicalCost_ms, typicalDecode_ms } from "./length.js";
import { rankOf } from "./refusal-tally.js";
import { small } from "./small.js";

/** Gates that look at the machine alone. */
export const MACHINE_REASONS: readonly RefusalReason[] = [
  ...(["offline_or_untrusted", "draining", "private_only", "trust_below_minimum", "runtime_unverified"] as const),
  ...(["privacy_unsupported", "challenge_stale", "version_floor", "thermal_critical"] as const),
];
/** Gates that look at a machine and one of its builds. */
export const BUILD_REASONS: readonly RefusalReason[] = [
  ...(["not_in_catalog", "dedicated_excluded", "load_cooldown", "template_broken", "slot_unavailable"] as const),
  ...(["concurrency", "model_too_large"] as const),
];
/** These a search asks, by shelf or by cell; `breaker_open` is asked by itself. */
export const REQUEST_REASONS: readonly RefusalReason[] = [
  ...(["not_owned", "serial_not_allowed", "excluded", "error_cooldown", "tools_unsupported", "vision_unsupported"] as const),
  ...(["structured_unsupported", "context_too_small", "capacity", "ttft_ceiling"] as const),
];
const MACHINE_GATES = gatesOf(MACHINE_REASONS);
/** Of these, gates that look at what the machine offers and at the catalogue alone. */
const OFFER_REASONS: readonly RefusalReason[] = ["not_in_catalog", "dedicated_excluded", "template_broken"];
const OFFER_GATES = gatesOf(OFFER_REASONS);
const BUILD_GATES = gatesOf(BUILD_REASONS.filter((reason) => !OFFER_REASONS.includes(reason) && reason !== modelTooLarge.reason));

/** A fresh challenge counts up to this instant and no longer; less than any clock's tick. */
const AFTER_ms = 0.001;

/** What holds of a machine whatever the request and its build. */
export interface MachineFacts {
  readonly refusal: RefusalReason | undefined;
  /** Its breaker is open. Kept apart from the other refusals, because some profiles look past it. */
  readonly resting: boolean;
  /** Monotonic instant from which some gate may change its mind by itself; infinite if none will. */
  readonly until_ms: number;
}

/** What holds of one build of a machine as long as it offers the same and has as much memory, and the catalogue says the same. */
export interface OfferFacts {
  /** The first gate on what is offered that refuses every request; undefined if none does. */
  readonly refusal: RefusalReason | undefined;
  /** Whether the build fits the machine even while it is not in memory, which would show that it does. */
  readonly fits: boolean;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly structured: boolean;
  readonly contextLength_tokens: number;
}

/** What holds of one build of a machine, whatever the request. */
export interface BuildFacts {
  /** The first gate that refuses every request; undefined if none does. */
  readonly refusal: RefusalReason | undefined;
  /** Kinds of request that rest on the machine. */
  readonly restsBase: boolean;
  readonly restsTools: boolean;
  /** Whether one more stream would keep the decode floor. */
  readonly bearable: boolean;
  /** What a request of typical length costs at least, in milliseconds, with the rates below. */
  readonly typical_ms: number;
  /** What of it is for writing. */
  readonly typicalDecode_ms: number;
  /** How busy it is: see `workCode`. */
  readonly work: number;
  /** Small integers, like all that a cell keeps. */
  readonly decode_milli_tps: number;
  readonly prefill_milli_tps: number;
  /** The machine has not measured how fast it writes the build: others of its kind have, or nobody. */
  readonly isUnmeasured: boolean;
  /** The longest request that finds room, as far as a token budget tells. */
  readonly room_tokens: number;
}

/** Machines with more requests than this are put together; nobody is that busy. */
const COUNT_MAX = 1_023;

/** Orders as near-ties are ordered: by the requests ahead for the build, then by those on the machine in all. */
export function workCode(ahead: number, inAll: number): number {
  return Math.min(ahead, COUNT_MAX) * (COUNT_MAX + 1) + Math.min(inAll, COUNT_MAX);
}

/** The earlier of two refusals in the order of the gates. */
function earlier(a: RefusalReason | undefined, b: RefusalReason | undefined): RefusalReason | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return rankOf(a) <= rankOf(b) ? a : b;
}

export function machineFacts(view: ProviderView, context: RoutingContext): MachineFacts {
  return {
    refusal: firstOf(MACHINE_GATES, view, NO_BUILD, context),
    resting: view.breakerOpenUntil_ms > context.now_ms,
    until_ms: validUntil_ms(view, context),
  };
}

/** @param least the shortest public request for the build */
export function offerFacts(view: ProviderView, least: RequestSpec, context: RoutingContext): OfferFacts {
  const build = view.builds.get(least.build);
  return {
    refusal: firstOf(OFFER_GATES, view, least, context),
    fits: fitsHardware(emptied(view), least),
    tools: build?.tools === true,
    vision: build?.vision === true,
    structured: build?.structured === true,
    contextLength_tokens: build?.contextLength_tokens ?? 0,
  };
}

function emptied({ builds, totalMemory_gb, cardMemory_gb }: ProviderView) {
  return { builds, totalMemory_gb, cardMemory_gb, slots: undefined };
}

export function isSameOffer(a: OfferFacts, b: OfferFacts): boolean {
  return (
    a.refusal === b.refusal &&
    a.fits === b.fits &&
    a.tools === b.tools &&
    a.vision === b.vision &&
    a.structured === b.structured &&
    a.contextLength_tokens === b.contextLength_tokens
  );
}

/** @param least the shortest public request for the build */
export function buildFacts(
  view: ProviderView,
  machine: MachineFacts,
  offer: OfferFacts,
  least: RequestSpec,
  context: RoutingContext,
): BuildFacts {
  const measured = measure(view, least, context);
  const profile = costProfileOf(context);
  const decode_milli_tps = small(measured.decode_tps * 1000);
  const prefill_milli_tps = small(measured.prefill_tps * 1000);
  const tooLarge = !offer.fits && modelTooLarge.refuses(view, least, context) ? modelTooLarge.reason : undefined;
  return {
    refusal: earlier(earlier(offer.refusal, machine.refusal), earlier(firstOf(BUILD_GATES, view, least, context), tooLarge)),
    restsBase: view.errorCooldownUntil_ms.size > 0 && errorCooldown.refuses(view, least, context),
    restsTools: view.errorCooldownUntil_ms.size > 0 && errorCooldown.refuses(view, { ...least, needsTools: true }, context),
    bearable: profile.decodeFloor_tps <= 0 || measured.projectedDecode_tps >= profile.decodeFloor_tps,
    typical_ms: typicalCost_ms(totalCost_ms(measured, profile, least), prefill_milli_tps, decode_milli_tps, profile),
    typicalDecode_ms: typicalDecode_ms(decode_milli_tps, profile),
    work: workCode(measured.ahead, view.pendingTotal),
    decode_milli_tps,
    prefill_milli_tps,
    isUnmeasured: (measured.slot?.observedDecode_tps ?? 0) <= 0,
    room_tokens: small(room_tokens(view, least.build)),
  };
}

/** The shortest public request for a build: what gates that look at the request let pass, and what costs least. */
export function leastSpec(
  build: string,
  { weightHash, formerHashes, dedicated, memory }: Pick<RequestSpec, "weightHash" | "formerHashes" | "dedicated" | "memory">,
): RequestSpec {
  return {
    ...(memory === undefined ? {} : { memory }),
    ...(dedicated === undefined ? {} : { dedicated }),
    ...(formerHashes === undefined ? {} : { formerHashes }),
    requestId: "",
    build,
    weightHash,
    accountId: "",
    promptTokens: 0,
    maxOutputTokens: 1,
    needsTools: false,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: undefined,
    ttftCeiling_ms: undefined,
  };
}

const NO_BUILD = leastSpec("", { weightHash: "" });

function gatesOf(reasons: readonly RefusalReason[]): readonly Gate[] {
  return GATES.filter(({ reason }) => reasons.includes(reason));
}

function firstOf(gates: readonly Gate[], view: ProviderView, spec: RequestSpec, context: RoutingContext): RefusalReason | undefined {
  for (const gate of gates) if (gate.refuses(view, spec, context)) return gate.reason;
  return undefined;
}

function validUntil_ms(view: ProviderView, { now_ms, challengeFreshness_ms }: RoutingContext): number {
  let until_ms = Number.POSITIVE_INFINITY;
  const consider = (instant_ms: number) => {
    if (instant_ms > now_ms && instant_ms < until_ms) until_ms = instant_ms;
  };
  consider(view.breakerOpenUntil_ms);
  if (view.challengedAt_ms !== undefined) consider(view.challengedAt_ms + challengeFreshness_ms + AFTER_ms);
  for (const cooldown_ms of view.loadCooldownUntil_ms.values()) consider(cooldown_ms);
  for (const cooldown_ms of view.errorCooldownUntil_ms.values()) consider(cooldown_ms);
  return until_ms;
}
