import { measure } from "../cost/measure.js";
import { cooldownKey } from "../health/error-cooldown.js";
import type { Candidate } from "../pick.js";
import type { FleetRates, ProviderView, RequestSpec, RoutingContext } from "../types.js";
import type { Evidence } from "./decision-audit.js";
import { type Packed, pack, unpack } from "./pack.js";

/** Everything that a decision is made from, as far as it concerns the machines that are named. */
export interface Inputs {
  readonly spec: RequestSpec;
  readonly context: Omit<RoutingContext, "costProfile">;
  readonly machines: readonly ProviderView[];
}

const CALLER = "caller";
const OTHER = "other";

/** How each field of a request is kept. A new field must be entered here: what is not needed, or says too much, is left out. */
const SPEC_FIELDS: { readonly [Field in keyof Required<RequestSpec>]: (spec: RequestSpec, machines: readonly ProviderView[]) => unknown } =
  {
    requestId: ({ requestId }) => requestId,
    build: ({ build }) => build,
    weightHash: ({ weightHash }) => weightHash,
    formerHashes: ({ formerHashes }) => formerHashes,
    // Who asked is nobody's business; whether a machine is the caller's is.
    accountId: () => CALLER,
    promptTokens: ({ promptTokens }) => promptTokens,
    maxOutputTokens: ({ maxOutputTokens }) => maxOutputTokens,
    choices: ({ choices }) => choices,
    needsTools: ({ needsTools }) => needsTools,
    needsVision: ({ needsVision }) => needsVision,
    needsStructured: ({ needsStructured }) => needsStructured,
    dedicated: ({ dedicated }) => dedicated,
    excluded: ({ excluded }, machines) => among(machines, excluded),
    allowedMachines: ({ allowedMachines }, machines) => allowedMachines && among(machines, allowedMachines),
    route: ({ route }) => route,
    avoidVersion: ({ avoidVersion }) => avoidVersion,
    // A placement has become a draw.
    affinity: ({ affinity }) => affinity && { machineId: affinity.machineId, matched_tokens: affinity.matched_tokens },
    ttftCeiling_ms: ({ ttftCeiling_ms }) => ttftCeiling_ms,
    kvBytesPerToken: ({ kvBytesPerToken }) => kvBytesPerToken,
    memory: ({ memory }) => memory,
  };

/** How each field of a machine's view is kept: of its builds, those that the request could meet. */
const VIEW_FIELDS: { readonly [Field in keyof Required<ProviderView>]: (view: ProviderView, spec: RequestSpec) => unknown } = {
  id: ({ id }) => id,
  machineId: ({ machineId }) => machineId,
  accountId: ({ accountId }, spec) => (accountId === undefined ? undefined : accountId === spec.accountId ? CALLER : OTHER),
  version: ({ version }) => version,
  computeClass: ({ computeClass }) => computeClass,
  online: ({ online }) => online,
  trusted: ({ trusted }) => trusted,
  draining: ({ draining }) => draining,
  privateOnly: ({ privateOnly }) => privateOnly,
  trustLevel: ({ trustLevel }) => trustLevel,
  runtimeVerified: ({ runtimeVerified }) => runtimeVerified,
  sealing: ({ sealing }) => sealing,
  challengedAt_ms: ({ challengedAt_ms }) => challengedAt_ms,
  builds: (view, spec) =>
    new Map([...view.builds].filter(([build]) => spec.dedicated !== undefined || build === spec.build || view.slots?.has(build))),
  slots: ({ slots }) => slots,
  totalMemory_gb: ({ totalMemory_gb }) => totalMemory_gb,
  cardMemory_gb: ({ cardMemory_gb }) => cardMemory_gb,
  freeForLoad_gb: ({ freeForLoad_gb }) => freeForLoad_gb,
  // What only the planning of loads looks at.
  residentModels_max: () => undefined,
  managed: () => undefined,
  memoryPressure: ({ memoryPressure }) => memoryPressure,
  cpuUsage: ({ cpuUsage }) => cpuUsage,
  thermal: ({ thermal }) => thermal,
  staticDecode_tps: ({ staticDecode_tps }) => staticDecode_tps,
  staticPrefill_tps: ({ staticPrefill_tps }) => staticPrefill_tps,
  memoryBandwidth_gbs: ({ memoryBandwidth_gbs }) => memoryBandwidth_gbs,
  pending: ({ pending }) => pending,
  pendingTotal: ({ pendingTotal }) => pendingTotal,
  loadCooldownUntil_ms: (view, spec) => new Map([...view.loadCooldownUntil_ms].filter(([build]) => build === spec.build)),
  errorCooldownUntil_ms: (view, spec) => new Map([...view.errorCooldownUntil_ms].filter(([key]) => key === cooldownKey(spec))),
  reliability: ({ reliability }) => reliability,
  suspectRelease: ({ suspectRelease }) => suspectRelease,
  breakerOpenUntil_ms: ({ breakerOpenUntil_ms }) => breakerOpenUntil_ms,
};

type PlainContext = Omit<RoutingContext, "costProfile" | "random" | "rates">;

/** How each part of the context is kept; coefficients go with the policy, dice with the choice, rates below. */
const CONTEXT_FIELDS: { readonly [Field in keyof Required<PlainContext>]: (context: RoutingContext) => unknown } = {
  now_ms: ({ now_ms }) => now_ms,
  minTrust: ({ minTrust }) => minTrust,
  minVersion: ({ minVersion }) => minVersion,
  challengeFreshness_ms: ({ challengeFreshness_ms }) => challengeFreshness_ms,
};

export function packInputs({ spec, context }: Evidence, candidates: readonly Candidate[], machines: readonly ProviderView[]): Packed {
  return pack({
    spec: kept(SPEC_FIELDS, (keep) => keep(spec, machines)),
    context: kept(CONTEXT_FIELDS, (keep) => keep(context)),
    rates: ratesUsed(candidates, spec, context),
    machines: machines.map((view) => kept(VIEW_FIELDS, (keep) => keep(view, spec))),
  });
}

/** @throws TypeError for what `packInputs` has not made */
export function unpackInputs(packed: Packed): Inputs {
  // Written by `packInputs`, as its digest says; a field that is left out reads as undefined.
  const { spec, context, rates, machines } = unpack(packed) as {
    readonly spec: RequestSpec;
    readonly context: PlainContext;
    readonly rates: Rates;
    readonly machines: readonly ProviderView[];
  };
  return { spec, context: { ...context, random: () => 0, rates: ratesOf(rates) }, machines };
}

function kept<Rule>(rules: Readonly<Record<string, Rule>>, keep: (rule: Rule) => unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, keep(rule)]));
}

/** The rates of the fleet that costs were reckoned with: decode by compute class, and the time to load; none where a machine's own were used. */
interface Rates {
  readonly decode_tps: ReadonlyMap<string, number>;
  readonly load_ms: number;
}

/** Read off the candidates, since the fleet's own figures may have moved on. */
function ratesUsed(candidates: readonly Candidate[], spec: RequestSpec, context: RoutingContext): Rates {
  const { rates: _, ...alone } = context;
  const decode_tps = new Map<string, number>();
  let load_ms = 0;
  for (const { measured } of candidates) {
    const own = measure(measured.provider, spec, alone);
    if (own.decode_tps !== measured.decode_tps) decode_tps.set(measured.provider.computeClass, measured.decode_tps);
    if (own.load_ms !== measured.load_ms) load_ms = measured.load_ms;
  }
  return { decode_tps, load_ms };
}

function ratesOf({ decode_tps, load_ms }: Rates): FleetRates {
  return { decode_tps: (_build, computeClass) => decode_tps.get(computeClass) ?? 0, load_ms: () => load_ms };
}

function among(machines: readonly ProviderView[], ids: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(machines.flatMap(({ id, machineId }) => [id, machineId]).filter((id) => ids.has(id)));
}
