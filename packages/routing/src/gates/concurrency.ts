import { hasHeadroom } from "../admission/concurrency.js";
import { costProfileOf } from "../cost/profile.js";
import type { Gate } from "./gate.js";

export const concurrency: Gate = {
  reason: "concurrency",
  kind: "transient",
  words: "has every place taken",
  refuses: (provider, spec, context) => !hasHeadroom(provider, spec.build, costProfileOf(context)),
};
