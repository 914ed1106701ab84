import type { BuildRecord } from "./types.js";

/** Names under which a catalogue may list that a build makes vectors. Source: catalog.md §13. */
const EMBEDDING = ["embedding", "embeddings"];

/** What a build makes: answers, or vectors. */
export function modelType({ capabilities }: Pick<BuildRecord, "capabilities">): "chat" | "embedding" {
  return capabilities.some((capability) => EMBEDDING.includes(capability.toLowerCase())) ? "embedding" : "chat";
}
