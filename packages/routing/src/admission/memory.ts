import type { BuildMemory, ProviderView, RequestSpec, SlotView } from "../types.js";
import { requestDemand_tokens } from "./demand.js";
import { gib } from "./gib.js";
import { machineSums, unreported_tokens } from "./machine-sums.js";
import { isResident } from "./residency.js";

/** Cache size of one token when neither slot nor catalogue knows it (routing.md §4.2). */
const UNKNOWN_KV_BYTES_PER_TOKEN = 400_000;
/** Tokens beyond which the cache estimate stops growing, so that an absurd bound stays a finite number. */
const KV_TOKENS_MAX = 16_777_216;
/** Memory a load takes for each byte of a build's files: the engine's buffers beside the weights. */
const LOAD_OVERHEAD = 1.2;
/** Left to the rest of the system when a machine does not report what it can spare. */
const SYSTEM_RESERVE_GB = 4;

/**
 * Whether the request's tokens find room: in the token budget if the slot reports one, else in memory as far as it is known. What is
 * unknown admits; the machine has the last word.
 */
export function memoryAdmits(provider: ProviderView, spec: RequestSpec): boolean {
  const slot = provider.slots?.get(spec.build);
  if (slot && slot.tokenBudgetMax > 0) return requestDemand_tokens(spec) <= budgetRoom_tokens(provider, slot);

  const size_gb = gib(provider.builds.get(spec.build)?.size_bytes ?? 0);
  if (size_gb === 0 || provider.totalMemory_gb === 0) return true;
  const cache_gb = gib(Math.min(requestDemand_tokens(spec), KV_TOKENS_MAX) * kvBytesPerToken(slot, spec));
  if (isResident(slot)) return provider.totalMemory_gb - residentMemory_gb(provider) >= cache_gb;
  if (provider.freeForLoad_gb !== undefined) {
    return loadedSize_gb(size_gb, spec) + cache_gb + promised_gb(provider, spec.build) <= provider.freeForLoad_gb;
  }
  // An idle machine may put its other builds away first; one at work may not.
  const taken_gb = provider.pendingTotal > 0 ? residentMemory_gb(provider) : 0;
  return (
    taken_gb + (spec.memory === undefined ? size_gb : loadedSize_gb(size_gb, spec)) + cache_gb + SYSTEM_RESERVE_GB <=
    provider.totalMemory_gb
  );
}

/** The longest request that finds room in the build's token budget; infinite where memory has to be reckoned for each request. */
export function room_tokens(provider: ProviderView, build: string): number {
  const slot = provider.slots?.get(build);
  return slot && slot.tokenBudgetMax > 0 ? budgetRoom_tokens(provider, slot) : Number.POSITIVE_INFINITY;
}

/**
 * Two bounds at once: the slot's own budget, and the pool that co-resident slots may share. Where the cache is one pool, each slot reports
 * the same room, and work placed on one build since the last heartbeat has to count against all, or two builds admit the same memory twice.
 */
function budgetRoom_tokens(provider: ProviderView, slot: SlotView): number {
  const own_tokens = slot.tokenBudgetMax - slot.tokenBudgetUsed - unreported_tokens(provider.pending.get(slot.build), slot);
  return Math.min(own_tokens, machineSums(provider).poolRoom_tokens);
}

/** What other builds will take that the machine has to load for work placed on it: its report does not show them yet. */
function promised_gb(provider: ProviderView, build: string): number {
  let promised_gb = 0;
  for (const [placed, work] of provider.pending) {
    if (placed === build || isResident(provider.slots?.get(placed))) continue;
    promised_gb += loadedSize_gb(gib(provider.builds.get(placed)?.size_bytes ?? 0), work);
  }
  return promised_gb;
}

/** What the resident builds take, as far as their sizes tell: the wire reports no such figure. */
function residentMemory_gb(provider: ProviderView): number {
  let bytes = 0;
  for (const slot of provider.slots?.values() ?? []) {
    if (isResident(slot)) bytes += provider.builds.get(slot.build)?.size_bytes ?? 0;
  }
  return gib(bytes);
}

/** What a load takes without any cache: as the catalogue knows it, else by the size of the files. */
export function loadedSize_gb(size_gb: number, { memory }: { readonly memory?: BuildMemory | undefined }): number {
  return memory === undefined ? size_gb * LOAD_OVERHEAD : gib(memory.resident_bytes);
}

/** By the slot's own measure, else by the catalogue's figure, else by a guess on the safe side. */
export function kvBytesPerToken(slot: SlotView | undefined, spec: RequestSpec): number {
  return slot?.kvBytesPerToken || spec.kvBytesPerToken || UNKNOWN_KV_BYTES_PER_TOKEN;
}
