import type { GgufInspection } from "./inspect-gguf.js";

/** Of weights in memory, beside their size in the file: buffers of the computation. */
const compute_share = 0.1;
/** Where the file does not say what its cache takes, a token is taken to be as dear as in models of the size (provider.md §9.5). */
const unknownToken_share = 1 / 25_000;
const unknownToken_bytes_min = 100_000;
const overhead_bytes = 2 * 2 ** 30;
const bytesPerGib = 2 ** 30;
/** Context for which a model's need is named when there is one figure only. */
const usualContext_tokens = 8192;

type Sized = Pick<GgufInspection, "size_bytes" | "kvCache">;

/** Memory that a model takes with one conversation of so many tokens, in bytes. */
export function memoryFor({ size_bytes, kvCache }: Sized, context_tokens: number): number {
  const perToken_bytes = kvCache?.perToken_bytes ?? Math.max(size_bytes * unknownToken_share, unknownToken_bytes_min);
  return Math.ceil(size_bytes * (1 + compute_share) + perToken_bytes * context_tokens + (kvCache?.window_bytes ?? 0));
}

/** The shortest context that a machine would load it with. */
const shortestContext_tokens = 2048;
/** Of a graphics card, what is left to the desktop; and of a machine, what it keeps for everything else (provider README, "Memory"). */
const card_reserve_gib = 0.5;
const machine_share_max = 0.9;
const machine_reserve_gib = 2;

/** What the catalogue says of a model's memory (routing.md §4.2, §4.3, §5), in the fields of its API. */
export function catalogMemory(model: Sized & Pick<GgufInspection, "active">) {
  const least_gib = memoryFor(model, shortestContext_tokens) / bytesPerGib;
  // A small machine gives half of what it has; a larger one nine tenths, or all but two GiB, whichever is less.
  const ram_gib = Math.min(2 * least_gib, Math.max(least_gib / machine_share_max, least_gib + machine_reserve_gib));
  return {
    resident_bytes: Math.ceil(model.size_bytes * (1 + compute_share) + (model.kvCache?.window_bytes ?? 0)),
    min_ram_gb: roundedUp(ram_gib),
    min_vram_gb: roundedUp(least_gib + card_reserve_gib),
    ...(model.active.bytes !== undefined && model.active.bytes > 0 && { active_bytes: model.active.bytes }),
  };
}

function roundedUp(gib: number): number {
  return Math.ceil(gib * 100) / 100;
}

/** The hint for people and catalogues: memory of a machine that runs it, in whole GiB (catalog.md §16). */
export function machineMemory_gib(model: Sized): number {
  return Math.ceil((memoryFor(model, usualContext_tokens) + overhead_bytes) / bytesPerGib);
}
