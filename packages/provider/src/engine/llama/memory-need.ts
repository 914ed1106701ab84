import { GgmlType, GgufInsights, type Llama, readGgufFileInfo } from "node-llama-cpp";
import type { LoadOptions } from "../engine.js";
import { type Memory, type MemoryNeed, sum, times } from "../memory.js";
import { endPlanning } from "./native.js";

export interface NeedOptions extends Pick<LoadOptions, "gpuLayers" | "kvCache"> {
  readonly contextLength_tokens: number;
  readonly isEmbedder: boolean;
  /** Tokens in one batch, by the number of sequences. */
  readonly batch_tokens: (sequences: number) => number;
}

/**
 * What a model would take, told from its file without loading it. llama.cpp itself plans the model and four sizes of its context, without
 * allocating them; what it plans is what it allocates, and it grows evenly between them.
 */
export async function memoryNeed(llama: Llama, path: string, options: NeedOptions): Promise<MemoryNeed> {
  const file = await readGgufFileInfo(path, { sourceType: "filesystem", logWarnings: false });
  const insights = await GgufInsights.from(file, llama);
  return planned(llama, insights, options).finally(() => endPlanning(insights));
}

async function planned(llama: Llama, insights: GgufInsights, options: NeedOptions): Promise<MemoryNeed> {
  const kvType = options.kvCache === "q8_0" ? GgmlType.Q8_0 : GgmlType.F16;
  const gpuLayers =
    llama.gpu === false ? 0 : (await insights.configurationResolver.resolveModelGpuLayersV2(options.gpuLayers ?? "auto")).gpuLayers;
  const weights = await insights.estimateModelResourceRequirementsV2({ gpuLayers });
  const context = async (sequences: number, contextSize: number): Promise<Memory> =>
    memory(
      await insights.estimateContextResourceRequirementsV2({
        ...{ sequences, contextSize },
        batchSize: options.batch_tokens(sequences),
        modelGpuLayers: gpuLayers,
        isEmbeddingContext: options.isEmbedder,
        flashAttention: options.kvCache === "q8_0" ? true : "auto",
        kvCacheKeyType: kvType,
        kvCacheValueType: kvType,
      }),
    );
  const trained_tokens = insights.trainContextSize ?? options.contextLength_tokens;
  const long_tokens = Math.max(512, Math.min(options.contextLength_tokens, trained_tokens));
  const short_tokens = Math.floor(long_tokens / 2);
  const [one, two] = [await context(1, long_tokens), await context(2, long_tokens)];
  const [oneShort, twoShort] = [await context(1, short_tokens), await context(2, short_tokens)];
  // Both lengths differ by the cache of so many tokens in every sequence, and by buffers that are there once.
  const perToken = times(less(less(two, twoShort), less(one, oneShort)), 1 / (long_tokens - short_tokens));
  const perSequence = less(less(two, one), times(perToken, long_tokens));
  return { fixed: sum(memory(weights), less(less(one, times(perToken, long_tokens)), perSequence)), perSequence, perToken };
}

function memory({ cpuRam, gpuVram }: { readonly cpuRam: number; readonly gpuVram: number }): Memory {
  return { ram_bytes: cpuRam, vram_bytes: gpuVram };
}

function less(a: Memory, b: Memory): Memory {
  return { ram_bytes: Math.max(0, a.ram_bytes - b.ram_bytes), vram_bytes: Math.max(0, a.vram_bytes - b.vram_bytes) };
}
