import type { WarmBuild } from "@umbel/routing";

/** A name that stands for builds, as far as machines need to know. */
export interface FleetAlias {
  readonly name: string;
  readonly desired: string;
  readonly previous: string | undefined;
  /** Builds that it stood for before: machines that have one are told, too. */
  readonly retired: readonly string[];
  /** Percentage of machines that are told to fetch the desired build. */
  readonly wave_percent: number;
}

/** Files that no machine may offer any more. */
export interface WithdrawnBuild {
  readonly modelId: string;
  readonly weightHash: string;
  readonly kind: "retired" | "revoked";
}

/** What the catalogue says of builds and names: read anew whenever it is asked. */
export interface FleetCatalog {
  /** Undefined for a build that the catalogue does not have. */
  build(id: string): WarmBuild | undefined;
  aliases(): readonly FleetAlias[];
  withdrawn(): readonly WithdrawnBuild[];
  /** Grows with every change. */
  revision(): number;
}
