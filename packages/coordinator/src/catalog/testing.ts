import { createHash } from "node:crypto";
import { createManifest } from "@umbel/protocol";
import type { BuildRecord, NewBuild } from "./types.js";

/** A build of one made-up file. Another `content` or `version` makes another artefact. */
export function buildOf(id: string, options: { content?: string; version?: string } & Partial<NewBuild> = {}): NewBuild {
  const { content = id, version = "1", ...others } = options;
  const sha256 = createHash("sha256").update(content).digest("hex");
  const manifest = createManifest({
    modelId: id,
    version,
    files: [{ path: "model.gguf", size_bytes: content.length, sha256, role: "weight", parts: { size_bytes: 2 ** 20, sha256: [sha256] } }],
    createdAt: new Date("2026-01-01T00:00:00Z"),
  });
  return {
    id,
    displayName: `Model ${id}`,
    family: "family",
    architecture: "llama",
    quantization: "Q8_0",
    description: "A model.",
    license: "Apache-2.0",
    contextLength_tokens: 2048,
    maxOutput_tokens: 1024,
    capabilities: ["chat", "tools", "json"],
    isolation: "shared",
    runtimeParameters: {},
    metadata: {},
    kvBytesPerToken: 1536,
    memory: null,
    fileFacts: null,
    defaults: { temperature: 0, topP: 0.9 },
    prices: { input_microUsd: 10_000n, output_microUsd: 20_000n },
    weightHash: manifest.aggregate_sha256,
    size_bytes: manifest.total_size_bytes,
    manifest,
    sources: { origins: [], fileUrls: {} },
    ...others,
  };
}

/** The build as the catalogue has it in service. */
export function recordOf(build: NewBuild, createdAt = new Date("2026-01-01T00:00:00Z")): BuildRecord {
  return { sources: { origins: [], fileUrls: {} }, ...build, status: "active", deprecationDate: null, deprecatedAt: null, createdAt };
}
