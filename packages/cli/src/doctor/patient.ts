import type { Posture } from "@umbel/protocol";
import type { ProviderStatus } from "../provider/ask.js";
import type { ProviderPlaces } from "../provider/places.js";
import type { ResolvedSettings } from "../provider/resolve-settings.js";

/** What the checks look at. Everything outside is given, so that tests break one thing at a time. */
export interface Patient {
  readonly places: ProviderPlaces;
  readonly settings: ResolvedSettings;
  readonly token: string | undefined;
  /** Undefined when no provider runs; an error when one runs and does not answer. */
  readonly status: ProviderStatus | Error | undefined;
  /** Why the service of this provider is not started any more; undefined where it is. */
  readonly gaveUp: string | undefined;
  /** What the system says of itself. */
  readonly posture: Posture;
  readonly nodeVersion: string;
  readonly now: () => Date;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Free bytes of the disk that holds a folder. */
  readonly freeDisk_bytes: (folder: string) => Promise<number>;
  readonly memory_bytes: number;
  /** Hash every byte of every model, and not only look whether it is there. */
  readonly isThorough: boolean;
}
