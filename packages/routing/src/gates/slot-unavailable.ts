import type { Gate } from "./gate.js";

export const slotUnavailable: Gate = {
  reason: "slot_unavailable",
  kind: "transient",
  words: "is reloading this build, or the build has crashed there",
  refuses: (provider, spec) => {
    const state = provider.slots?.get(spec.build)?.state;
    return state === "crashed" || state === "reloading";
  },
};
