import type { RefusalReason } from "@umbel/routing";

/** What an owner can do about a machine that a gate refuses. */
export const ADVICE: Readonly<Record<RefusalReason, string>> = {
  not_owned: "nothing: other people's requests are for their own machines",
  serial_not_allowed: "nothing: some requests name the machines that they may go to",
  excluded: "nothing: a request is not sent again to a machine that has failed it",
  not_in_catalog:
    "serve a build from the catalogue (GET /v1/models/catalog lists them), with exactly its files: remove the model's folder and fetch it anew",
  dedicated_excluded: "serve this build alone: the operator wants it on machines that serve nothing else",
  load_cooldown: "wait two minutes; if it happens again, look for the cause in the provider's log: mostly memory that others use",
  error_cooldown: "wait five minutes; then look in the provider's log for why requests of one kind, with tools or without, failed",
  breaker_open: "wait for the time named; then look in the provider's log for why requests failed one after the other",
  offline_or_untrusted:
    "look in the provider's log for what it was told, then restart the provider; if that does not help, ask the operator",
  draining:
    "it rests: `umbel provider status` on the machine says why (paused, outside its schedule, in use, on battery, short of memory, too hot); or it was told to stop, or to update",
  private_only:
    "nothing, if that is what you want: your own requests reach it with `X-Umbel-Route: self`; else start it without --private-only",
  trust_below_minimum: "the operator asks for more evidence than the machine can show; run it on hardware that can, or ask the operator",
  runtime_unverified:
    "install a release that the operator accepts, unchanged: `umbel provider update` fetches the newest; a program built from sources is none",
  privacy_unsupported: "update the provider: its key for sealed requests is missing or not valid",
  challenge_stale: "check that the machine's clock is right and that it does not sleep; then restart the provider",
  template_broken: "fetch the model anew or update the provider: its chat template does not render",
  version_floor: "update the provider to the oldest version that the operator admits, or a newer one",
  tools_unsupported: "nothing for ordinary requests; serve a build that can call tools to get those as well",
  vision_unsupported: "nothing for ordinary requests; serve a build that reads images to get those as well",
  structured_unsupported: "nothing for ordinary requests; serve a build that can write to a JSON schema to get those as well",
  context_too_small: "give the model a larger context, if the memory allows",
  slot_unavailable: "wait until the model has been loaded again; if it takes long, restart the provider and look in its log",
  concurrency: "nothing: every place is taken, so it is at work; --sequences gives it more places if it is fast enough",
  thermal_critical: "let the machine cool down: it is too hot to take work",
  model_too_large: "serve a smaller build: this one can never fit into the machine's memory",
  capacity: "close what else uses memory, or serve fewer models at once",
  ttft_ceiling: "nothing: others begin to answer sooner",
};

export const OFFLINE_ADVICE = "start it with `umbel provider start`, and look in its log if it does not come back";
export const UNTRUSTED_ADVICE = "it broke the protocol, and stays untrusted until the operator clears it: ask the operator";
