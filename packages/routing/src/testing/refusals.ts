import type { ProviderView, RefusalReason, RequestSpec, RoutingContext } from "../types.js";
import { BUILD, builds, buildView, NOW_MS, OTHER_BUILD, slots, slotView } from "./fixtures.js";

interface RefusalCase {
  readonly provider?: Partial<ProviderView>;
  readonly spec?: Partial<RequestSpec>;
  readonly context?: Partial<RoutingContext>;
}

/** For each reason, the least change to a perfect match that makes its gate refuse, and no gate before it. */
export const REFUSAL_CASES: Readonly<Record<RefusalReason, RefusalCase>> = {
  not_owned: { spec: { route: "self" } },
  serial_not_allowed: { spec: { allowedMachines: new Set(["another-machine"]) } },
  excluded: { spec: { excluded: new Set(["session-1"]) } },
  dedicated_excluded: {
    spec: { dedicated: new Set([BUILD]) },
    provider: { builds: builds(buildView(), buildView({ build: OTHER_BUILD })) },
  },
  not_in_catalog: { provider: { builds: builds(buildView({ build: OTHER_BUILD })) } },
  load_cooldown: { provider: { loadCooldownUntil_ms: new Map([[BUILD, NOW_MS + 1]]) } },
  error_cooldown: { provider: { errorCooldownUntil_ms: new Map([[`base ${BUILD}`, NOW_MS + 1]]) } },
  breaker_open: { provider: { breakerOpenUntil_ms: NOW_MS + 1 } },
  offline_or_untrusted: { provider: { trusted: false } },
  draining: { provider: { draining: true } },
  private_only: { provider: { privateOnly: true } },
  trust_below_minimum: { context: { minTrust: "hardware" } },
  runtime_unverified: { provider: { runtimeVerified: false } },
  privacy_unsupported: { provider: { sealing: false } },
  challenge_stale: { provider: { challengedAt_ms: undefined } },
  template_broken: { provider: { builds: builds(buildView({ templateBroken: true })) } },
  version_floor: { provider: { version: "0.9.9" } },
  tools_unsupported: { spec: { needsTools: true }, provider: { builds: builds(buildView({ tools: false })) } },
  vision_unsupported: { spec: { needsVision: true }, provider: { builds: builds(buildView({ vision: false })) } },
  structured_unsupported: { spec: { needsStructured: true }, provider: { builds: builds(buildView({ structured: false })) } },
  context_too_small: { spec: { promptTokens: 8093 } },
  slot_unavailable: { provider: { slots: slots(slotView({ state: "crashed" })) } },
  concurrency: { provider: { slots: slots(slotView({ running: 8 })) } },
  thermal_critical: { provider: { thermal: "critical" } },
  model_too_large: { provider: { slots: slots(), totalMemory_gb: 1.9 } },
  capacity: { provider: { slots: slots(slotView({ tokenBudgetUsed: 99_801 })) } },
  ttft_ceiling: { spec: { ttftCeiling_ms: 100 } },
};
