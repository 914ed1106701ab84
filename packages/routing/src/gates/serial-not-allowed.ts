import type { Gate } from "./gate.js";

export const serialNotAllowed: Gate = {
  reason: "serial_not_allowed",
  kind: "structural",
  words: "is not on the request's list of allowed machines",
  refuses: (provider, spec) => spec.allowedMachines !== undefined && !spec.allowedMachines.has(provider.machineId),
};
