import type { Gate } from "./gate.js";

/** The machine must have exactly the weights that the catalogue names, or those that it named lately; one that names none is refused too. */
export const notInCatalog: Gate = {
  reason: "not_in_catalog",
  kind: "structural",
  words: "does not offer this build with the weights that the catalogue names",
  refuses: (provider, spec) => {
    const build = provider.builds.get(spec.build);
    if (build === undefined) return true;
    return spec.weightHash !== "" && build.weightHash !== spec.weightHash && spec.formerHashes?.has(build.weightHash) !== true;
  },
};
