import type { ProviderView, RequestSpec } from "../types.js";
import { requestDemand_tokens } from "./demand.js";
import { gib } from "./gib.js";
import { kvBytesPerToken, loadedSize_gb } from "./memory.js";
import { isResident } from "./residency.js";

/** Of a machine's memory, what a build may have for itself, and of that what the engine keeps for other things (routing.md §7). */
const USABLE_SHARE = 0.9;
const ENGINE_RESERVE_GB = 3;

/** Whether the request would find room there, were the machine idle; unknown figures say yes. */
export function couldHold(provider: ProviderView, spec: RequestSpec): boolean {
  return requestDemand_tokens(spec) <= structuralRoom_tokens(provider, spec);
}

/**
 * The longest request, in tokens, that the machine could hold if it did nothing else: what no waiting makes larger. Infinite where that is
 * unknown.
 */
function structuralRoom_tokens(provider: ProviderView, spec: RequestSpec): number {
  const slot = provider.slots?.get(spec.build);
  if (slot !== undefined && slot.tokenBudgetMax > 0) return slot.tokenBudgetMax;
  const size_gb = gib(provider.builds.get(spec.build)?.size_bytes ?? 0);
  if (isResident(slot) || size_gb === 0 || provider.totalMemory_gb === 0) return Number.POSITIVE_INFINITY;
  const left_gb = USABLE_SHARE * provider.totalMemory_gb - loadedSize_gb(size_gb, spec) - ENGINE_RESERVE_GB;
  return Math.max(0, left_gb / gib(kvBytesPerToken(slot, spec)));
}
