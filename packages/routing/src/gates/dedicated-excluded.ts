import type { Gate } from "./gate.js";

/** Some builds are served by machines that serve nothing else, so that no other model takes their memory (routing.md §12.4). */
export const dedicatedExcluded: Gate = {
  reason: "dedicated_excluded",
  kind: "structural",
  words: "serves other models, too, and this build is only for machines that serve it alone",
  refuses: (provider, { dedicated }) => {
    if (dedicated === undefined) return false;
    for (const build of provider.builds.keys()) if (!dedicated.has(build)) return true;
    return false;
  },
};
