import type { Gate } from "./gate.js";

export const offlineOrUntrusted: Gate = {
  reason: "offline_or_untrusted",
  kind: "structural",
  words: "is not connected, or has not proven (or has lost) the coordinator's trust",
  refuses: (provider) => !provider.online || !provider.trusted,
};
