import { type ProviderView, type RequestSpec, type RoutingContext, seededRandom } from "@umbel/routing";

const MODELS = 30;
const BUILDS_PER_MACHINE = 8;
const WEIGHT_HASH = "ab".repeat(32);
const SPEED_SPREAD = 20;
const SLOWEST_tps = 20;

/** Machines of which the fastest is twenty times as fast as the slowest, with eight of thirty builds each, under some load. */
export function syntheticFleet(machines: number): ProviderView[] {
  const random = seededRandom(1);
  const below = (bound: number) => Math.floor(random() * bound);
  return Array.from({ length: machines }, (_, index) => {
    const first = below(MODELS);
    const names = Array.from({ length: BUILDS_PER_MACHINE }, (_build, offset) => buildName((first + offset) % MODELS));
    const decode_tps = SLOWEST_tps * SPEED_SPREAD ** random();
    const resident = names.slice(0, 2);
    return {
      id: `session-${index}`,
      machineId: `machine-${index}`,
      accountId: `account-${below(machines)}`,
      version: random() < 0.9 ? "1.2.0" : "1.1.0",
      computeClass: `class-${below(12)}`,
      online: true,
      trusted: random() > 0.01,
      draining: random() < 0.01,
      privateOnly: false,
      trustLevel: "self_signed",
      runtimeVerified: true,
      sealing: true,
      challengedAt_ms: 0,
      builds: new Map(names.map((build) => [build, buildView(build)])),
      slots: new Map(
        resident.map((build) => [
          build,
          {
            build,
            state: "running",
            running: below(6),
            waiting: random() < 0.2 ? below(3) : 0,
            maxConcurrency: 8,
            activeTokens: 0,
            tokenBudgetUsed: below(60_000),
            tokenBudgetMax: 100_000,
            observedDecode_tps: decode_tps,
            observedPrefill_tps: decode_tps * 12,
            modelLoad_ms: 0,
          },
        ]),
      ),
      totalMemory_gb: 32,
      freeForLoad_gb: 12,
      memoryPressure: random() * 0.3,
      cpuUsage: random(),
      thermal: random() < 0.05 ? "fair" : "nominal",
      staticDecode_tps: decode_tps,
      staticPrefill_tps: decode_tps * 12,
      pending: new Map(),
      pendingTotal: below(6),
      loadCooldownUntil_ms: new Map(),
      errorCooldownUntil_ms: new Map(),
      breakerOpenUntil_ms: random() < 0.02 ? 1e12 : 0,
    } satisfies ProviderView;
  });
}

/** The next heartbeat of a machine: its load has changed a little. */
export function heartbeat(view: ProviderView, random: () => number): ProviderView {
  const slots = new Map(
    [...(view.slots ?? [])].map(([build, slot]) => [
      build,
      { ...slot, running: Math.floor(random() * 6), tokenBudgetUsed: Math.floor(random() * 60_000) },
    ]),
  );
  const cpuUsage = Math.min(1, Math.max(0, view.cpuUsage + (random() - 0.5) / 5));
  return { ...view, slots, cpuUsage };
}

export function syntheticRequest(random: () => number): RequestSpec {
  return {
    requestId: "",
    build: buildName(Math.floor(random() * MODELS)),
    weightHash: WEIGHT_HASH,
    accountId: "consumer",
    promptTokens: Math.floor(50 * 100 ** random()),
    maxOutputTokens: Math.floor(50 * 40 ** random()),
    needsTools: random() < 0.3,
    needsVision: false,
    excluded: new Set(),
    allowedMachines: undefined,
    route: "public",
    avoidVersion: random() < 0.05 ? "1.1.0" : undefined,
    ttftCeiling_ms: undefined,
  };
}

export function contextOf(random: () => number): RoutingContext {
  return { now_ms: 1_000, random, minTrust: "self_signed", minVersion: "1.0.0", challengeFreshness_ms: 960_000 };
}

function buildName(index: number): string {
  return `build-${index}`;
}

function buildView(build: string) {
  return {
    build,
    weightHash: WEIGHT_HASH,
    size_bytes: 4 * 2 ** 30,
    contextLength_tokens: 32_768,
    tools: true,
    vision: false,
    structured: true,
    templateBroken: false,
  };
}
