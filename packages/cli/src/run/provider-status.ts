import { API_ANSWERS } from "@umbel/coordinator/answers";
import { ownerTokenOf } from "../api.js";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatUsd } from "../money.js";
import { createOutput, type Output } from "../output.js";
import { linkedToken } from "../provider/account-link.js";
import { type ProviderStatus, statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { memoryTroubleInWords, meteredInWords, phaseInWords, restInWords } from "../provider/in-words.js";
import { isEndingSoon, standingOf } from "../provider/link-standing.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";

/** Whoever asks for the machine's state does not wait long for its money. */
const ANSWER_TIMEOUT_ms = 2_000;

export interface StatusOptions {
  readonly home?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** `umbel provider status`: what this machine's provider does, and with which settings. Exits with 1 when none runs. */
export async function providerStatusCommand(options: StatusOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const status = await statusOf(places.home);
  if (status === undefined) {
    const { shown } = resolveSettings({}, process.env, readConfigFile(places.configFile));
    output.result({ running: false, provider: null, settings: shown });
    output.line("No provider runs on this machine. Start one: umbel provider start");
    process.exitCode = EXIT_CODES.failure;
    return;
  }
  const { settings, ...provider } = status;
  const token = await tokenOf(status, places.home, options);
  const [earned, link] = token === undefined ? [null, null] : await Promise.all([earnedBy(status, token), linkOf(status, token)]);
  output.result({ running: true, provider, earned, link, settings });
  if (!output.json) show(status, earned, link, output);
}

/** What this machine registers with, as far as this command may read it. */
async function tokenOf({ coordinator }: ProviderStatus, place: string, { home }: StatusOptions): Promise<string | undefined> {
  const linked = await linkedToken(place, coordinator ?? undefined);
  return linked ?? ownerTokenOf({ baseUrl: "", ...(home === undefined ? {} : { home }) });
}

interface Link {
  /** Whether the coordinator knows it. */
  readonly valid: boolean;
  /** Null is until it is revoked. */
  readonly expires_at: string | null;
  readonly renew: boolean;
}

/** How the machine's link to its account stands; null where the coordinator does not say. */
async function linkOf({ coordinator, connected }: ProviderStatus, token: string): Promise<Link | null> {
  if (coordinator === null || !connected) return null;
  const standing = await standingOf(new URL(coordinator).origin, token, ANSWER_TIMEOUT_ms);
  if (standing === undefined) return null;
  const { isKnown: valid, expiresAt } = standing;
  const renew = !valid || (expiresAt !== undefined && isEndingSoon(expiresAt));
  return { valid, expires_at: expiresAt?.toISOString() ?? null, renew };
}

type Earned = ReturnType<typeof API_ANSWERS.machineEarnings.parse>;

/** What the coordinator says that the machine has earned; null where it does not say, which is no reason to say nothing of the machine. */
async function earnedBy({ coordinator, connected, machine_id }: ProviderStatus, token: string): Promise<Earned | null> {
  if (coordinator === null || machine_id === null || !connected) return null;
  const path = `/v1/me/providers/${encodeURIComponent(machine_id)}/earnings?limit=1`;
  try {
    const reply = await callCoordinator(new URL(coordinator).origin, { method: "GET", path, token, timeout_ms: ANSWER_TIMEOUT_ms });
    return API_ANSWERS.machineEarnings.safeParse(reply.body).data ?? null;
  } catch (error) {
    if (error instanceof CliError) return null;
    throw error;
  }
}

function show(status: ProviderStatus, earned: Earned | null, link: Link | null, output: Output): void {
  output.line(`Provider ${status.version}, process ${status.pid}, since ${status.started_at}: ${phaseInWords(status.phase)}`);
  for (const reason of status.rest_reasons) output.line(`  takes no work: ${restInWords(reason)}`);
  if (status.paused_until !== null) output.line(`  paused until ${status.paused_until}`);
  if (status.schedule_changes_at !== null)
    output.line(`  its schedule ${status.rest_reasons.includes("schedule") ? "opens" : "closes"} at ${status.schedule_changes_at}`);
  const connection = status.connected ? `connected, trust ${status.trust_level ?? "not yet known"}` : "not connected";
  output.line(
    `Coordinator: ${status.coordinator === null ? "none; it serves this machine's own programs" : `${status.coordinator} (${connection})`}`,
  );
  if (link?.valid === false) output.line("  linked to no account any more; link it anew with: umbel provider login");
  else if (link?.renew === true)
    output.line(`  linked to its account until ${link.expires_at} only; renew that with: umbel provider login`);
  if (status.endpoint !== null) output.line(`Endpoint: ${status.endpoint} (umbel provider local shows its key)`);
  if (status.trust_reason !== null) output.line(`  ${status.trust_reason}`);
  if (status.program_unknown !== null) {
    const follows = status.program_unknown.enforced ? ", and gets no requests for that" : "";
    output.line(`  its program is none of the coordinator's releases${follows}; bring it up to date with: umbel provider update`);
  }
  output.line(`Machine: ${status.machine_id ?? "not known yet"}`);
  output.line(`Models: ${status.models.join(", ") || "none"}`);
  for (const slot of status.in_memory) {
    output.line(`  ${slot.model}: ${slot.state}, ${slot.num_running} of ${slot.max_concurrency} places taken, ${slot.num_waiting} waiting`);
  }
  for (const failure of status.load_failures) output.line(`  not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
  output.line(
    `Served: ${status.requests_served} requests, ${status.tokens_generated} tokens, ${status.errors} errors; ${status.in_flight} running`,
  );
  if (earned !== null) {
    const usd = (amount: number): string => `${formatUsd(BigInt(amount))} USD`;
    const { today_micro_usd, last_7d_micro_usd, forecast } = earned;
    output.line(
      `Earned today: ${usd(today_micro_usd)}; in 7 days ${usd(last_7d_micro_usd)}, at which a month brings ${usd(forecast.per_30_days_micro_usd)}`,
    );
  }
  if (status.answers_wait)
    output.line("  the coordinator does not keep up: answers to it wait, those to this machine's own programs go on");
  if (status.worker_restarts > 0) output.line(`  the worker was restarted ${status.worker_restarts} times; umbel provider logs says why`);
  for (const trouble of status.memory_troubles) output.line(`  ${trouble.at}: ${memoryTroubleInWords(trouble)}`);
  if (status.prefix_cache_refusal !== null) output.line(`Prompts are not kept on the disk: ${status.prefix_cache_refusal}`);
  const battery = status.battery_percent === null ? "" : `, battery ${status.battery_percent} %`;
  output.line(`Host: memory ${status.memory}, heat ${status.thermal}${battery}`);
  if (status.posture !== null) {
    const { secure_boot, swap, memory_lock, tracer, ptrace_scope, lockdown, system_integrity } = status.posture;
    output.line(`System: Secure Boot ${secure_boot}, swap ${swap.replace("_", " ")}, memory lock ${memory_lock}, tracer ${tracer}`);
    output.line(`  may trace: ${ptrace_scope}, kernel lockdown ${lockdown}, system integrity ${system_integrity}`);
  }
  if (status.metered === true) output.line(`Network: ${meteredInWords(status.fetches)}`);
  output.line("Settings:");
  for (const { key, value, source } of status.settings) output.line(`  ${key} = ${JSON.stringify(value)} (${source})`);
}
