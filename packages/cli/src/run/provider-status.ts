import { EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { type ProviderStatus, statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { meteredInWords, phaseInWords, restInWords } from "../provider/in-words.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";

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
  output.result({ running: true, provider, settings });
  if (!output.json) show(status, output);
}

function show(status: ProviderStatus, output: Output): void {
  output.line(`Provider ${status.version}, process ${status.pid}, since ${status.started_at}: ${phaseInWords(status.phase)}`);
  for (const reason of status.rest_reasons) output.line(`  takes no work: ${restInWords(reason)}`);
  if (status.paused_until !== null) output.line(`  paused until ${status.paused_until}`);
  if (status.schedule_changes_at !== null)
    output.line(`  its schedule ${status.rest_reasons.includes("schedule") ? "opens" : "closes"} at ${status.schedule_changes_at}`);
  const connection = status.connected ? `connected, trust ${status.trust_level ?? "not yet known"}` : "not connected";
  output.line(
    `Coordinator: ${status.coordinator === null ? "none; it serves this machine's own programs" : `${status.coordinator} (${connection})`}`,
  );
  if (status.endpoint !== null) output.line(`Endpoint: ${status.endpoint} (umbel provider local shows its key)`);
  if (status.trust_reason !== null) output.line(`  ${status.trust_reason}`);
  output.line(`Machine: ${status.machine_id ?? "not known yet"}`);
  output.line(`Models: ${status.models.join(", ") || "none"}`);
  for (const slot of status.in_memory) {
    output.line(`  ${slot.model}: ${slot.state}, ${slot.num_running} of ${slot.max_concurrency} places taken, ${slot.num_waiting} waiting`);
  }
  for (const failure of status.load_failures) output.line(`  not loaded: ${failure.build} (${failure.code}: ${failure.message})`);
  output.line(
    `Served: ${status.requests_served} requests, ${status.tokens_generated} tokens, ${status.errors} errors; ${status.in_flight} running`,
  );
  if (status.worker_restarts > 0) output.line(`  the worker was restarted ${status.worker_restarts} times; umbel provider logs says why`);
  const battery = status.battery_percent === null ? "" : `, battery ${status.battery_percent} %`;
  output.line(`Host: memory ${status.memory}, heat ${status.thermal}${battery}`);
  if (status.metered === true) output.line(`Network: ${meteredInWords(status.fetches)}`);
  output.line("Settings:");
  for (const { key, value, source } of status.settings) output.line(`  ${key} = ${JSON.stringify(value)} (${source})`);
}
