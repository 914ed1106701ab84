/** Why a provider takes no work, for its owner. */
const REST_WORDS: Readonly<Record<string, string>> = {
  paused: "you have paused it; go on with: umbel provider resume",
  schedule: "it is outside its schedule",
  in_use: "somebody is using this machine",
  battery: "the machine runs on its battery",
  memory: "the machine's memory runs out, so models were put away",
  heat: "the machine is too hot",
};

export function restInWords(reason: string): string {
  return REST_WORDS[reason] ?? reason;
}

/** Of a network that is metered. */
export function meteredInWords(fetches: boolean): string {
  return fetches
    ? "metered; models are fetched in the background all the same (models.on_metered)"
    : "metered; no models are fetched in the background (models.on_metered)";
}

const PHASE_WORDS: Readonly<Record<string, string>> = {
  starting: "starting: the models are being loaded",
  connecting: "not connected to the coordinator; it keeps trying",
  serving: "serving",
  resting: "resting",
  draining: "stopping: what runs may finish",
  failed: "failed",
  stopped: "stopped",
};

export function phaseInWords(phase: string): string {
  return PHASE_WORDS[phase] ?? phase;
}

/** That memory ran out, as one of a provider's findings has it. */
export function memoryTroubleInWords({ what, who }: { readonly what: "ran_out" | "killed"; readonly who: "provider" | "worker" }): string {
  if (what === "ran_out") return "the provider ended while next to no memory was left";
  return who === "worker"
    ? "the system ended the worker for want of memory, and another was started"
    : "the system ended the provider for want of memory";
}
