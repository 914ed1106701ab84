import { manifestPrefix } from "@umbel/protocol";
import type { BuildRecord } from "./types.js";

/** In a build's metadata: it is one version of that other build by itself, and its files lie where that one's do. */
export const VERSION_OF = "version_of";

/** Below which a build's files are, at whatever place. */
export function filesPrefix({ manifest, metadata }: Pick<BuildRecord, "manifest" | "metadata">): string {
  const whole = metadata[VERSION_OF];
  return typeof whole === "string" ? manifestPrefix(whole, manifest.version) : manifest.prefix;
}
