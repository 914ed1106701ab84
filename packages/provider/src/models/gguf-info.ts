import type { ModelInfo } from "@umbel/protocol";
import type { GgufInspection } from "./gguf/inspect-gguf.js";
import { ModelError } from "./model-error.js";

/** Context of a model that does not say on which it was trained. */
const unknownContext_tokens = 2048;

/** What a build that no catalogue describes is advertised as, from its own file. @throws ModelError `gguf_invalid` for a file that is no model */
export function infoFromGguf(id: string, weight_hash: string, found: GgufInspection): ModelInfo {
  if (found.kind !== "model")
    throw new ModelError("gguf_invalid", `${found.files[0] ?? id} is ${found.kind === "projector" ? "a projector" : "an adapter"}`);
  const capabilities = found.capabilities.flatMap((name): ModelInfo["capabilities"] => (name === "rerank" ? [] : [name]));
  return {
    id,
    size_bytes: found.size_bytes,
    format: "gguf",
    quantization: found.quantization,
    context_length: found.contextLength_tokens ?? unknownContext_tokens,
    weight_hash,
    // Grammars hold any answering model to JSON.
    capabilities: capabilities.includes("chat") ? [...capabilities, "json"] : capabilities,
  };
}
