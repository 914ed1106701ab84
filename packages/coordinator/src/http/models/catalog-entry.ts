import type { CatalogAlias, CatalogEntry } from "@umbel/protocol";
import { type AliasRecord, type BuildRecord, modelType } from "../../catalog/index.js";

const GB_bytes = 1e9;
const GIB_bytes = 1024 ** 3;
/** What a conversation is reckoned with for the hint. Source: catalog.md §16. */
const HINT_CONTEXT_tokens = 8_192;
const HINT_WEIGHTS_factor = 1.1;
const HINT_REST_bytes = 2 * GIB_bytes;

/** A build as the public catalogue shows it. Source: catalog.md §12. */
export function entryOf(build: BuildRecord): CatalogEntry {
  const { manifest } = build;
  return {
    id: build.id,
    display_name: build.displayName,
    model_type: modelType(build) === "embedding" ? "embedding" : "text",
    family: build.family,
    architecture: build.architecture,
    quantization: build.quantization,
    description: build.description,
    license: build.license,
    capabilities: [...build.capabilities],
    max_context_length: build.contextLength_tokens,
    max_output_length: build.maxOutput_tokens,
    weight_hash: build.weightHash,
    version: manifest.version,
    prefix: manifest.prefix,
    total_size_bytes: manifest.total_size_bytes,
    size_gb: manifest.total_size_bytes / GB_bytes,
    file_count: manifest.file_count,
    kv_bytes_per_token: build.kvBytesPerToken,
    min_ram_gb: memoryHint_gb(build),
    memory: build.memory && {
      resident_bytes: build.memory.resident_bytes,
      min_ram_gb: build.memory.minRam_gb,
      min_vram_gb: build.memory.minVram_gb,
      ...(build.memory.active_bytes !== undefined && { active_bytes: build.memory.active_bytes }),
    },
    file_facts: fileFactsOf(build),
    runtime_parameters: { ...build.runtimeParameters },
    metadata: { ...build.metadata },
    status: build.status,
    deprecation_date: build.deprecationDate,
    input_price: Number(build.prices.input_microUsd),
    output_price: Number(build.prices.output_microUsd),
    created: Math.floor(build.createdAt.getTime() / 1_000),
  };
}

function fileFactsOf({ fileFacts: told }: BuildRecord): CatalogEntry["file_facts"] {
  if (told === null) return null;
  return {
    parameter_count: told.parameters,
    active_parameter_count: told.activeParameters,
    train_context_length: told.trainContext_tokens,
    chat_template_sha256: told.chatTemplate_sha256,
    projector: told.projector,
  };
}

export function aliasOf({ id, displayName, desired, previous, retired, desiredShare_percent }: AliasRecord): CatalogAlias {
  return {
    id,
    display_name: displayName,
    desired_build: desired.id,
    previous_build: previous?.id ?? null,
    retired_builds: [...retired],
    primary_build: desired.id,
    desired_share: desiredShare_percent,
  };
}

function memoryHint_gb({ size_bytes, kvBytesPerToken, contextLength_tokens }: BuildRecord): number {
  const cache_bytes = kvBytesPerToken * Math.min(HINT_CONTEXT_tokens, contextLength_tokens);
  return Math.ceil((size_bytes * HINT_WEIGHTS_factor + cache_bytes + HINT_REST_bytes) / GIB_bytes);
}
