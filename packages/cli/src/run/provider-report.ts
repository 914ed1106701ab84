import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { readLogReport, sendLogReport } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { machineToken } from "../provider/account-link.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { duration_ms } from "../provider/durations.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { type ResolvedSettings, resolveSettings } from "../provider/resolve-settings.js";
import { refuse } from "../refusal.js";
import { VERSION } from "../version.js";

export interface ReportOptions {
  readonly home?: string;
  readonly config?: string;
  readonly coordinator?: string;
  readonly token?: string;
  readonly last: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `umbel provider report`: sends this machine's log to the coordinator's operator; with `--dry-run` shows what would be sent, and sends nothing. */
export async function sendProviderReport(options: ReportOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const settings = resolveSettings({ ...options }, process.env, readConfigFile(places.configFile));
  const since = new Date(Date.now() - duration_ms("--last", options.last));
  if (!existsSync(places.log)) {
    throw new CliError(
      "There is no log yet.",
      EXIT_CODES.failure,
      "A provider writes one when it runs in the background: umbel provider start.",
    );
  }
  const report = await readLogReport(places.log, since, await factsOf(settings, places, since));
  if (options.dryRun === true) {
    output.result({
      sent: false,
      lines: report.lines,
      left_out: report.leftOut,
      size_bytes: Buffer.byteLength(report.text),
      text: report.text,
    });
    output.line(report.text.trimEnd());
    output.note(`This would be sent: ${report.lines} lines of the log. Nothing was.`);
    return;
  }
  const coordinatorUrl = settings.values.coordinatorUrl ?? "";
  const authToken = await tokenOf(options, places, coordinatorUrl);
  const outcome = await sendLogReport({ coordinatorUrl, authToken }, report);
  if (outcome.type === "silent") {
    throw new CliError(`Nothing answers at ${coordinatorUrl}.`, EXIT_CODES.network, "Check --coordinator and the network, then repeat it.");
  }
  if (outcome.type === "refused") {
    const { status, message } = outcome;
    const remedy = "Repeat it later, or send less with --last.";
    return refuse({ status, code: undefined, message }, { remedy, credential: "Link the machine anew: umbel provider login." });
  }
  const { id, machine, size_bytes } = outcome;
  output.result({ sent: true, id, machine, lines: report.lines, left_out: report.leftOut, size_bytes });
  const older = report.leftOut === 0 ? "" : `; ${report.leftOut} older ones did not fit`;
  output.line(`Sent ${report.lines} lines of the log as report ${id}${older}. Name it to whoever you ask for help.`);
}

/** What is known of the machine and its settings; of the latter none is a secret. */
export async function factsOf(settings: ResolvedSettings, { home }: ProviderPlaces, since: Date): Promise<object> {
  const status = await statusOf(home).catch((error: unknown) => ({
    unknown: error instanceof Error ? error.message : "it does not answer",
  }));
  return {
    ...{ version: VERSION, platform: process.platform, arch: process.arch, os: os.release(), node: process.version },
    ...{ made_at: new Date().toISOString(), since: since.toISOString(), settings: settings.shown, status: status ?? null },
  };
}

async function tokenOf({ token }: ReportOptions, { home }: ProviderPlaces, coordinatorUrl: string): Promise<string> {
  const found = (await machineToken(home, coordinatorUrl, token)) ?? serviceToken(home);
  if (found !== undefined) return found;
  const remedy = "Link the machine to your account with umbel provider login, or give --token. --dry-run shows the report without one.";
  throw new CliError("A report is sent with the machine's provider token, and there is none.", EXIT_CODES.authentication, remedy);
}

/** That which the service was installed with. */
function serviceToken(home: string): string | undefined {
  const file = path.join(home, "service-token");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}
