import { isVersionAtLeast } from "../versions.js";
import type { Gate } from "./gate.js";

export const versionFloor: Gate = {
  reason: "version_floor",
  kind: "structural",
  words: "runs a release older than this coordinator accepts",
  refuses: (provider, _spec, context) => !isVersionAtLeast(provider.version, context.minVersion),
};
