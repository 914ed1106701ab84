import type { Manifest } from "@umbel/protocol";

/** A concrete servable model artefact. */
export interface BuildRecord {
  readonly id: string;
  readonly displayName: string;
  readonly family: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly description: string;
  readonly license: string;
  readonly contextLength_tokens: number;
  readonly maxOutput_tokens: number;
  readonly capabilities: readonly string[];
  /** Aggregate hash over the files (catalog.md §2.2). */
  readonly weightHash: string;
  readonly size_bytes: number;
  readonly kvBytesPerToken: number;
  /** Recommended defaults, filled into requests that leave them open, e.g. `{ temperature: 0 }`. */
  readonly defaults: { readonly temperature?: number; readonly topP?: number; readonly topK?: number; readonly minP?: number };
  readonly prices: { readonly input_microUsd: bigint; readonly output_microUsd: bigint };
  readonly manifest: Manifest;
  /** Whether its machines may serve other builds, too, or only dedicated ones of its family (routing.md §12.4). */
  readonly isolation: "shared" | "dedicated";
  /** The dedicated builds of its family, itself among them; absent where it is shared. */
  readonly dedicated?: ReadonlySet<string>;
  readonly createdAt: Date;
}

/** What registering a build takes. */
export type NewBuild = Omit<BuildRecord, "createdAt" | "dedicated">;

/** What setting an alias takes. */
export interface NewAlias {
  readonly id: string;
  readonly displayName: string;
  /** Build that the alias stands for. */
  readonly desired: string;
  /** Build that serves when the desired one has no provider. */
  readonly previous?: string;
}

/** What a request's `model` stands for. */
export interface ResolvedModel {
  /** As the consumer wrote it; echoed in answers. */
  readonly publicName: string;
  readonly build: BuildRecord;
  /** Served when the desired build has no provider. */
  readonly previous: BuildRecord | undefined;
}

export interface AliasRecord {
  readonly id: string;
  readonly displayName: string;
  readonly desired: BuildRecord;
  readonly previous: BuildRecord | undefined;
}

/** Models, builds and aliases. Reads are from memory, refreshed on every change. */
export interface Catalog {
  resolve(name: string): ResolvedModel | undefined;
  builds(): readonly BuildRecord[];
  aliases(): readonly AliasRecord[];
  /** Registers or replaces a build with its manifest and price; verifies the manifest's own arithmetic. */
  register(build: NewBuild): Promise<void>;
  setAlias(alias: NewAlias): Promise<void>;
  refresh(): Promise<void>;
}
