import type { ArchitectureKeys } from "./architecture-keys.js";
import { GGUF_LIMITS } from "./limits.js";

/** What one sequence's cache takes, with 16-bit keys and values. */
export interface KvCache {
  /** Of layers that attend to everything: grows with the sequence. */
  readonly perToken_bytes: number;
  /** Of layers that attend to a window only: what they take once it is full. */
  readonly window_bytes: number;
}

const f16_bytes = 2;
const heads_max = 1024;
const headSize_max = 2048;
const window_max = 2_097_152;

/**
 * One in so many layers attends to everything, where files of the architecture have a window but do not say which layers it holds for.
 * Source: `set_swa_pattern` in llama-model.cpp.
 */
const usualPattern: Readonly<Record<string, number>> = { gemma2: 2, gemma3: 6, gemma3n: 5, cohere2: 4, "gpt-oss": 2, exaone4: 4 };

/**
 * Cache of keys and values from the metadata (provider.md §9.5). A layer without heads for keys keeps a fixed state and adds nothing per token.
 *
 * @returns undefined when the file does not say enough; callers then assume a dear model, not a free one
 */
export function kvCacheOf(keys: ArchitectureKeys): KvCache | undefined {
  const layers = keys.count("block_count", GGUF_LIMITS.layers_max);
  const heads = layers === undefined ? undefined : keys.perLayer("attention.head_count", layers, heads_max);
  if (layers === undefined || layers === 0 || heads === undefined) return undefined;
  const kvHeads = keys.perLayer("attention.head_count_kv", layers, heads_max) ?? heads;
  const embedding = keys.count("embedding_length", 1_048_576);
  const impliedSize = embedding === undefined || !heads[0] ? undefined : Math.floor(embedding / heads[0]);
  const keySize = keys.count("attention.key_length", headSize_max) ?? impliedSize;
  const valueSize = keys.count("attention.value_length", headSize_max) ?? impliedSize;
  if (keySize === undefined || valueSize === undefined || keySize > headSize_max || valueSize > headSize_max) return undefined;
  const own = layers - (keys.count("attention.shared_kv_layers", layers) ?? 0);
  const window = keys.count("attention.sliding_window", window_max) ?? 0;
  const isFull = fullAttention(keys, layers, window);
  const layer_bytes = kvHeads.slice(0, own).map((count) => count * (keySize + valueSize) * f16_bytes);
  return {
    perToken_bytes: sum(layer_bytes.filter((_, layer) => isFull(layer))),
    window_bytes: sum(layer_bytes.filter((_, layer) => !isFull(layer) && window > 0)) * window,
  };
}

/** Whether a layer attends to the whole sequence; the others have a window, or a recurrent state when there is none. */
function fullAttention(keys: ArchitectureKeys, layers: number, window: number): (layer: number) => boolean {
  const interval = keys.count("full_attention_interval", layers);
  if (interval !== undefined && interval > 0) return (layer) => (layer + 1) % interval === 0;
  if (window === 0) return () => true;
  const windowed = keys.flags("attention.sliding_window_pattern");
  if (windowed !== undefined) return (layer) => windowed[layer] !== true;
  const pattern = keys.count("attention.sliding_window_pattern", layers) ?? usualPattern[keys.architecture ?? ""];
  // A window of which nobody says where it holds: the dearer reading.
  return pattern === undefined || pattern === 0 ? () => true : (layer) => (layer + 1) % pattern === 0;
}

function sum(figures: readonly number[]): number {
  return figures.reduce((total, figure) => total + figure, 0);
}
