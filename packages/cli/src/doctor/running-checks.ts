import { memoryTroubleInWords, phaseInWords, restInWords } from "../provider/in-words.js";
import { type Finding, fail, pass, warn } from "./finding.js";
import type { Patient } from "./patient.js";

/** Worker deaths after which one is no accident any more. */
const RESTARTS_WARN = 3;

/** What the provider that runs here says of itself. */
export function runningChecks({ status, places, gaveUp }: Patient): Finding[] {
  if (status === undefined && gaveUp !== undefined) {
    const fix = "See why: umbel provider logs. When that is put right: umbel provider restart.";
    return [fail("running", `The service was given up and is not started again: ${gaveUp}.`, fix)];
  }
  if (status === undefined) return [fail("running", "No provider runs on this machine.", "Start it: umbel provider start.")];
  if (status instanceof Error) {
    const fix = `It may be stuck: see ${places.log}, then umbel provider stop --now and umbel provider start.`;
    return [fail("running", `The provider runs and does not answer: ${status.message}`, fix)];
  }
  const findings: Finding[] = [];
  const words = `The provider runs (process ${status.pid}): ${phaseInWords(status.phase)}`;
  if (status.phase === "serving" || status.phase === "resting") findings.push(pass("running", words));
  else findings.push(fail("running", `${words}.`, "See why: umbel provider logs."));
  for (const reason of status.rest_reasons) {
    findings.push(
      warn(
        "resting",
        `It takes no work: ${restInWords(reason)}.`,
        "Nothing, if that is what you want; umbel provider status shows the settings.",
      ),
    );
  }
  if (status.metered === true && !status.fetches && status.rest_reasons.length === 0) {
    const fix = 'Nothing, if that is what you want; else use another network, or set models.on_metered = "fetch".';
    findings.push(warn("network", "The network is metered: no models are fetched in the background.", fix));
  }
  if (status.program_unknown !== null) {
    const words = "The coordinator does not know this machine's program as one of its releases";
    const fix = "Bring it up to date: umbel provider update.";
    if (status.program_unknown.enforced) findings.push(fail("program", `${words}, and gives it no requests.`, fix));
    else findings.push(warn("program", `${words}.`, fix));
  }
  for (const { build, code, message } of status.load_failures) {
    findings.push(
      fail(
        "loading",
        `${build} could not be loaded (${code}: ${message}).`,
        "Check its files with umbel provider verify; see umbel provider logs.",
      ),
    );
  }
  if (status.worker_restarts >= RESTARTS_WARN) {
    const fix = "See umbel provider logs for what it died of; a smaller model or fewer places at once may help.";
    findings.push(warn("worker", `The worker died ${status.worker_restarts} times and was started again.`, fix));
  }
  const trouble = status.memory_troubles.at(-1);
  if (trouble !== undefined) {
    const fix = 'Give models less: backend.memory_gb, a smaller model, fewer places at once (backend.parallel), or kv_cache = "q8_0".';
    findings.push(warn("memory_ran_out", `At ${trouble.at} ${memoryTroubleInWords(trouble)}.`, fix));
  }
  if (status.prefix_cache_refusal !== null) {
    const fix = "Put that right and restart the provider, or take prefix_cache.disk_gb out of the settings.";
    findings.push(warn("prefix_cache", `Prompts are not kept on the disk: ${status.prefix_cache_refusal}.`, fix));
  }
  findings.push(confinement(status.sandbox));
  return findings;
}

/** Nothing may leave the process that sees plaintext. */
function confinement(sandbox: Readonly<Record<string, unknown>> | null): Finding {
  if (sandbox === null) return pass("confinement", "How the worker is confined is not known yet");
  const { network = "none", filesystem = "none" } = sandbox;
  const words = `The worker is confined by: network ${String(network)}, files ${String(filesystem)}`;
  if (network !== "none" && filesystem !== "none") return pass("confinement", words);
  const fix = "Run on Linux with user namespaces allowed, so that the coordinator can trust it with more.";
  return warn("confinement", `${words}.`, fix);
}
