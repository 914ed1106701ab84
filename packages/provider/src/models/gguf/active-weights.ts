import type { GgufFacts } from "./gguf-facts.js";
import type { TensorInfo } from "./read-gguf.js";

/** Of a model's weights, those that are read to write one token. */
export interface ActiveWeights {
  readonly parameters: number;
  /** Undefined where a tensor is of a type that is not known. */
  readonly bytes: number | undefined;
}

/** Weights of all experts of a layer in one tensor, or of one expert in its own, as Mixtral's first converters wrote them. */
const expertTensor = /\.ffn_\w*_(?:ch)?exps\.|\.ffn_(?:gate|up|down)\.\d+\./;
/** Tables of which a token takes its own row. */
const layerTable = "per_layer_token_embd.weight";
const embeddingTable = "token_embd.weight";
/** Without it, the embedding table is read whole to choose the token. */
const outputTensor = "output.weight";

/**
 * How much of the weights a token goes through: of experts, those that are at work; of tables by token, nothing to speak of. Names of tensors
 * as in llama.cpp's `LLM_TENSOR_NAMES`.
 */
export function activeWeights(tensors: readonly TensorInfo[], experts: GgufFacts["experts"]): ActiveWeights {
  const expertShare = experts === undefined ? 1 : experts.used / experts.all;
  const isTied = !tensors.some(({ name }) => name === outputTensor);
  let parameters = 0;
  let bytes: number | undefined = 0;
  for (const { name, elements, size_bytes } of tensors) {
    if (name === layerTable || (name === embeddingTable && !isTied)) continue;
    const share = expertTensor.test(name) ? expertShare : 1;
    parameters += elements * share;
    bytes = bytes === undefined || size_bytes === undefined ? undefined : bytes + size_bytes * share;
  }
  return { parameters: Math.round(parameters), bytes: bytes === undefined ? undefined : Math.ceil(bytes) };
}
