import { room_tokens } from "../admission/memory.js";
import { totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import { costProfileOf } from "../cost/profile.js";
import type { Gate } from "../gates/gate.js";
import { GATES } from "../gates/index.js";
import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import type { Drawer } from "./drawer.js";
import type { HeapEntry } from "./ordered-heap.js";

/** Gates that look at more of the request than its build. */
const REQUEST_REASONS: readonly RefusalReason[] = [
  ...(["not_owned", "serial_not_allowed", "excluded", "tools_unsupported", "vision_unsupported"] as const),
  ...(["context_too_small", "capacity", "ttft_ceiling"] as const),
];

/** Gates that depend on machine, build, policy and time alone; the breaker's is kept apart, because some profiles look past it. */
const STANDING_GATES: readonly Gate[] = GATES.filter(({ reason }) => reason !== "breaker_open" && !REQUEST_REASONS.includes(reason));

/** A fresh challenge counts up to this instant and no longer; less than any clock's tick. */
const AFTER_ms = 0.001;

/** One build of one machine, as far as it does not depend on a request. It is replaced when its machine's view changes, or at `until_ms`. */
export interface Cell extends HeapEntry {
  readonly view: ProviderView;
  /** Cost of a request of no length, in milliseconds: what any request costs at least. */
  readonly key: number;
  /** The first gate that refuses every request; undefined if none does. */
  readonly refusal: RefusalReason | undefined;
  /** Its breaker is open. */
  readonly resting: boolean;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly contextLength_tokens: number;
  /** Whether one more stream would keep the decode floor. */
  readonly bearable: boolean;
  /** Requests ahead for the build, which with those on the machine in all is the order among near-ties. */
  readonly ahead: number;
  readonly decode_tps: number;
  readonly prefill_tps: number;
  /** The longest request that finds room, as far as a token budget tells. */
  readonly room_tokens: number;
  /** Monotonic instant from which this may no longer hold. */
  readonly until_ms: number;
  /** Where it lies while no standing gate refuses it. */
  drawer: Drawer | undefined;
}

/** @param least the shortest public request for the build */
export function cellOf(view: ProviderView, least: RequestSpec, context: RoutingContext): Cell {
  const build = view.builds.get(least.build);
  const measured = measure(view, least, context);
  const profile = costProfileOf(context);
  return {
    view,
    key: totalCost_ms(measured, profile, least),
    position: -1,
    refusal: STANDING_GATES.find((gate) => gate.refuses(view, least, context))?.reason,
    resting: view.breakerOpenUntil_ms > context.now_ms,
    tools: build?.tools === true,
    vision: build?.vision === true,
    contextLength_tokens: build?.contextLength_tokens ?? 0,
    bearable: profile.decodeFloor_tps <= 0 || measured.projectedDecode_tps >= profile.decodeFloor_tps,
    ahead: measured.ahead,
    decode_tps: measured.decode_tps,
    prefill_tps: measured.prefill_tps,
    room_tokens: room_tokens(view, least.build),
    until_ms: validUntil_ms(view, least.build, context),
    drawer: undefined,
  };
}

/** The shortest public request for a build: what gates that look at the request let pass, and what costs least. */
export function leastSpec(build: string, weightHash: string): RequestSpec {
  return {
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
    affinityProviderId: undefined,
    ttftCeiling_ms: undefined,
  };
}

/** The next instant at which a gate changes its mind by itself. */
function validUntil_ms(view: ProviderView, build: string, { now_ms, challengeFreshness_ms }: RoutingContext): number {
  const stale_ms = view.challengedAt_ms === undefined ? 0 : view.challengedAt_ms + challengeFreshness_ms + AFTER_ms;
  const instants = [view.breakerOpenUntil_ms, view.loadCooldownUntil_ms.get(build) ?? 0, stale_ms];
  return instants.reduce((next, instant) => (instant > now_ms ? Math.min(next, instant) : next), Number.POSITIVE_INFINITY);
}
