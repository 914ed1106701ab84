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

/** The hint for people and catalogues: memory of a machine that runs it, in whole GiB (catalog.md §16). */
export function machineMemory_gib(model: Sized): number {
  return Math.ceil((memoryFor(model, usualContext_tokens) + overhead_bytes) / bytesPerGib);
}
