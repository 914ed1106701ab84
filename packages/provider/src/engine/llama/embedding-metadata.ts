import type { GgufFileInfo } from "node-llama-cpp";
import { z } from "zod";
import { EngineError } from "../engine.js";

/** What a model's file says of its vectors. */
export interface EmbeddingMetadata {
  /** Which of its tokens' vectors stand for an input. A file that does not say means the last, as in llama.cpp. */
  readonly pooling: "mean" | "first" | "last";
  /** Whether no token looks at later ones, so that an input may be computed in pieces. Known of some architectures only. */
  readonly readsForward: boolean;
  /** Shortest beginning of a vector that may be used alone; undefined when the file does not say. */
  readonly vectorSize_min: number | undefined;
}

/** llama.cpp's `llama_pooling_type`. */
const poolings = new Map<number | undefined, EmbeddingMetadata["pooling"]>([
  [undefined, "last"],
  [-1, "last"],
  [0, "last"],
  [1, "mean"],
  [2, "first"],
  [3, "last"],
]);

/** Decoders of which embedding models are made. Others may read in both directions without their files saying so. */
const forwardArchitectures: ReadonlySet<string> = new Set(["llama", "mistral3", "qwen2", "qwen3"]);

/** GGUF has no key of its own for Matryoshka training; ours is written by whoever publishes the build. */
const ownKeys = z.object({ umbel: z.object({ embedding: z.object({ dimensions_min: z.number().int().positive() }) }) });

/** @throws EngineError `artifact` for a reranker and for models of two halves, which make no vectors */
export function readEmbeddingMetadata({
  metadata,
  architectureMetadata,
}: Pick<GgufFileInfo, "metadata" | "architectureMetadata">): EmbeddingMetadata {
  const pooling = poolings.get(architectureMetadata.pooling_type);
  const architecture = metadata.general.architecture;
  if (pooling === undefined || architecture === "t5") throw new EngineError("artifact", `a model of this kind makes no vectors`);
  return {
    pooling,
    readsForward: forwardArchitectures.has(architecture) && architectureMetadata.attention?.causal !== false,
    vectorSize_min: ownKeys.safeParse(metadata).data?.umbel.embedding.dimensions_min,
  };
}
