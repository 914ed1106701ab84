import type { Gate } from "./gate.js";

export const privacyUnsupported: Gate = {
  reason: "privacy_unsupported",
  kind: "structural",
  words: "has no key to which a request could be sealed",
  refuses: (provider) => !provider.sealing,
};
