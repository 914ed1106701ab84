import type { CatalogEntry, Manifest } from "@umbel/protocol";
import type { WantedFile } from "../download/download-files.js";
import type { ModelOrigin } from "../model-store.js";

/** What is to be fetched, and from where. */
export interface WantedBuild {
  readonly id: string;
  readonly origin: ModelOrigin;
  readonly files: readonly WantedFile[];
  /** What the files must be, signed by the catalogue; without one they are taken as they are. */
  readonly manifest?: Manifest;
  /** What the catalogue says of the build. */
  readonly entry?: CatalogEntry;
  /** Sent with every request to the files' own addresses. */
  readonly headers?: Readonly<Record<string, string>>;
}
