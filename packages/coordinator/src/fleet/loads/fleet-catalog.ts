import type { WarmBuild } from "@umbel/routing";

/** A name that stands for builds, as far as machines need to know. */
export interface FleetAlias {
  readonly name: string;
  readonly desired: string;
  readonly previous: string | undefined;
}

/** What the catalogue says of builds and names: read anew whenever it is asked. */
export interface FleetCatalog {
  /** Undefined for a build that the catalogue does not have. */
  build(id: string): WarmBuild | undefined;
  aliases(): readonly FleetAlias[];
}
