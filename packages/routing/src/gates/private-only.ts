import type { Gate } from "./gate.js";

/** Whoever asks; the owner's own requests have the gate waived (`OWNER_RELAXATION`). */
export const privateOnly: Gate = {
  reason: "private_only",
  kind: "structural",
  words: "serves only its owner",
  refuses: (provider) => provider.privateOnly,
};
