import type { Manifest } from "@umbel/protocol";
import type { BuildMemory } from "@umbel/routing";
import type { AuditRow } from "../store/index.js";
import type { FileFacts } from "./schemas.js";

/** `retired` alone takes a build out of service. Source: catalog.md §7. */
export type BuildStatus = "beta" | "active" | "deprecated" | "retired";

/** Words and figures by name. */
export type Properties = Readonly<Record<string, string | number | boolean>>;

export interface Prices {
  readonly input_microUsd: bigint;
  readonly output_microUsd: bigint;
}

/** What describes a build: belongs to a version, and counts from its promotion on. */
export interface BuildFacts {
  readonly displayName: string;
  readonly family: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly description: string;
  readonly license: string;
  readonly contextLength_tokens: number;
  readonly maxOutput_tokens: number;
  readonly capabilities: readonly string[];
  readonly kvBytesPerToken: number;
  /** What the files say that it takes in memory; null where that is not known. */
  readonly memory: BuildMemory | null;
  /** What its files say of themselves; null where nobody has read them. */
  readonly fileFacts: FileFacts | null;
  /** Recommended defaults, filled into requests that leave them open, e.g. `{ temperature: 0 }`. */
  readonly defaults: { readonly temperature?: number; readonly topP?: number; readonly topK?: number; readonly minP?: number };
  /** Whether its machines may serve other builds, too, or only dedicated ones of its family (routing.md §12.4). */
  readonly isolation: "shared" | "dedicated";
  /** What goes with requests for it; machines act on `reasoning_parser`. */
  readonly runtimeParameters: Properties;
  /** What other lists are told of it, e.g. `openrouter_slug`. */
  readonly metadata: Properties;
}

/** Where machines fetch files from; what they fetch is held to the manifest's hashes. */
export interface FileSources {
  /** Bases below which `<prefix>/<path>` is. */
  readonly origins: readonly string[];
  /** Complete addresses, by path. */
  readonly fileUrls: Readonly<Record<string, readonly string[]>>;
}

/** A concrete servable model artefact. */
export interface BuildRecord extends BuildFacts {
  readonly id: string;
  /** Aggregate hash over the files (catalog.md §2.2). */
  readonly weightHash: string;
  readonly size_bytes: number;
  readonly prices: Prices;
  readonly manifest: Manifest;
  readonly sources: FileSources;
  readonly status: Exclude<BuildStatus, "retired">;
  /** Day on which it is to be retired, `YYYY-MM-DD`. */
  readonly deprecationDate: string | null;
  /** Since when it is deprecated, or has such a day; null while it is neither. */
  readonly deprecatedAt: Date | null;
  /** Aggregate hashes of weights that were replaced lately: machines that still have them get requests for a while. */
  readonly formerHashes?: ReadonlySet<string>;
  /** The dedicated builds of its family, itself among them; absent where it is shared. */
  readonly dedicated?: ReadonlySet<string>;
  readonly createdAt: Date;
}

/** What registering a version of a build takes. */
export interface NewBuild extends BuildFacts {
  readonly id: string;
  readonly weightHash: string;
  readonly size_bytes: number;
  readonly prices: Prices;
  readonly manifest: Manifest;
  readonly sources?: FileSources;
}

/** What setting an alias takes. */
export interface NewAlias {
  readonly id: string;
  readonly displayName: string;
  /** Build that the alias stands for. */
  readonly desired: string;
  /** The version of it that the alias stands for, whatever the build itself serves. Absent is the one that the build serves. */
  readonly desiredVersion?: string;
  /** Build that serves when the desired one has no provider. */
  readonly previous?: string;
  /** The version of that. */
  readonly previousVersion?: string;
  /** Percentage of requests that prefer the desired build while the previous one can serve, too. Default 100. */
  readonly desiredShare_percent?: number;
  /** Percentage of machines that are told to fetch the desired build. Default 100. */
  readonly wave_percent?: number;
  /** Machines that must be able to serve the desired build before requests prefer it to the previous one. Default 1. */
  readonly minDesiredProviders?: number;
  /** Lets the alias have the name of a build, which must then be one of the two that it stands for. Once given it stays, whatever it stands for. */
  readonly takeover?: boolean;
  /** Refuses the change if the alias was changed since. */
  readonly expectedUpdatedAt?: Date;
}

/** How requests and machines move from an alias's previous build to its desired one. */
export interface Rollout {
  readonly desiredShare_percent: number;
  readonly wave_percent: number;
  readonly minDesiredProviders: number;
}

/** What a request's `model` stands for. */
export interface ResolvedModel {
  /** As the consumer wrote it; echoed in answers. */
  readonly publicName: string;
  readonly build: BuildRecord;
  /** Served when the desired build has no provider. */
  readonly previous: BuildRecord | undefined;
  /** Absent where no alias was asked for. */
  readonly rollout?: Rollout;
}

export interface AliasRecord extends Rollout {
  readonly id: string;
  readonly displayName: string;
  readonly desired: BuildRecord;
  readonly previous: BuildRecord | undefined;
  /** Builds that the name stood for before, the latest first. */
  readonly retired: readonly string[];
  readonly updatedAt: Date;
}

/** A version that no machine may offer any more. */
export interface WithdrawnVersion {
  readonly modelId: string;
  readonly version: string;
  readonly weightHash: string;
  /** `revoked`: its files are not to be trusted. */
  readonly kind: "retired" | "revoked";
  readonly reason: string;
  readonly at: Date;
}

/** Models, builds and aliases. Reads are from memory, refreshed on every change. */
export interface Catalog {
  resolve(name: string): ResolvedModel | undefined;
  /** A build by its own id, whatever aliases stand for. */
  build(id: string): BuildRecord | undefined;
  builds(): readonly BuildRecord[];
  aliases(): readonly AliasRecord[];
  withdrawn(): readonly WithdrawnVersion[];
  /** Grows with every change. */
  revision(): number;
  /** Registers a version of a build and promotes it; verifies the manifest's own arithmetic. */
  register(build: NewBuild): Promise<void>;
  setAlias(alias: NewAlias): Promise<void>;
  refresh(): Promise<void>;
}

/** A build as operators see it, in service or not. */
export interface BuildOverview {
  readonly id: string;
  readonly displayName: string;
  readonly status: BuildStatus;
  readonly deprecationDate: string | null;
  readonly activeVersion: string | null;
  /** Latest first. */
  readonly versions: readonly VersionOverview[];
}

export interface VersionOverview {
  readonly version: string;
  readonly state: "draft" | "active" | "superseded" | "revoked";
  /** Whether all its files are what the manifest says, as far as that was asked. */
  readonly verification: "ready" | "verifying" | "failed";
  readonly verificationProblem: string | null;
  readonly weightHash: string;
  readonly size_bytes: number;
  readonly registeredBy: string;
  readonly registeredAt: Date;
  readonly prices: Prices;
  readonly revokedReason: string | null;
}

/** What registering or promoting a version changes of what consumers see and pay: field by field, from and to. */
export type FactChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;

export interface ChangedVersion {
  readonly version: string;
  readonly isActive: boolean;
  /** All its files are still to be read: it goes into service afterwards, if it was to be promoted. */
  readonly isVerifying: boolean;
  /** Against what is in service; nothing for a build that is not. */
  readonly changes: FactChanges;
}

export interface RegisterOptions {
  readonly promote: boolean;
  /** Whether all files are to be read and hashed before the version may go into service. Default: it may at once. */
  readonly verify?: boolean;
}

export interface UnverifiedVersion {
  readonly manifest: Manifest;
  readonly sources: FileSources;
}

/** Words and figures by name; null removes one. */
export type PropertyChange = Readonly<Record<string, string | number | boolean | null>>;

/**
 * What operators change. Each change is one transaction with its record in the audit; `actor` says whose it is. All throw CatalogError when
 * they refuse, and the database's own error when it does not answer.
 */
export interface CatalogAdmin {
  /**
   * A draft unless it is promoted: nothing that consumers see or pay changes. The same version with the same files is accepted again. One that is
   * to be verified is not promoted before `verified` has said so.
   */
  registerVersion(build: NewBuild, options: RegisterOptions, actor: string): Promise<ChangedVersion>;
  /** What reading all files of a version has come to: a problem in words, or none. Of no effect on one that was verified before. */
  verified(id: string, version: string, problem: string | undefined): Promise<void>;
  /** Versions whose files are to be read, with where they are. */
  unverified(): Promise<readonly UnverifiedVersion[]>;
  /** @param version absent is the latest one */
  promote(id: string, version: string | undefined, actor: string): Promise<ChangedVersion>;
  /** Goes back to the version that was active before. */
  rollback(id: string, actor: string): Promise<ChangedVersion>;
  setStatus(id: string, status: BuildStatus, actor: string): Promise<void>;
  setDeprecationDate(id: string, date: string | null, actor: string): Promise<void>;
  setCapabilities(id: string, capabilities: readonly string[], actor: string): Promise<void>;
  /** Of what goes with the build's requests; a name with null is removed, others stay. @returns all of them afterwards */
  setRuntimeParameters(id: string, change: PropertyChange, actor: string): Promise<Properties>;
  /** Of what other lists are told of the build; a name with null is removed, others stay. @returns all of it afterwards */
  setMetadata(id: string, change: PropertyChange, actor: string): Promise<Properties>;
  setPrices(id: string, prices: Prices, actor: string): Promise<void>;
  /** The version's files are not to be trusted: it is out of service at once, machines are told to remove it. Not undone. */
  revoke(id: string, version: string, reason: string, actor: string): Promise<void>;
  /** Removes a version that was never active. */
  removeVersion(id: string, version: string, actor: string): Promise<void>;
  putAlias(alias: NewAlias, actor: string): Promise<void>;
  /** Exchanges the desired and the previous build; all requests and machines follow at once. */
  rollbackAlias(id: string, actor: string): Promise<void>;
  deleteAlias(id: string, actor: string): Promise<void>;
  overview(): Promise<readonly BuildOverview[]>;
  audit(filter: { readonly target?: string; readonly before?: number; readonly limit: number }): Promise<readonly AuditRow[]>;
}
