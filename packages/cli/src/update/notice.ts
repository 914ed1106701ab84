import { releasePrecedence } from "@umbel/protocol";
import { CliError } from "../exit-codes.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerConfigFile } from "../provider/config-place.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { VERSION } from "../version.js";
import { offeredRelease } from "./offered-release.js";

/** Nobody waits for this. */
const ANSWER_ms = 2_000;

/** Whether whoever runs a command would see a notice, and wants any. */
export function wantsNotice(options: { readonly json?: boolean }, env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && options.json !== true && (env["UMBEL_NO_UPDATE_CHECK"] ?? "") === "";
}

/** A line about a newer release; undefined where there is none, or where anything at all is in the way of knowing. */
export async function updateNotice(options: { readonly home?: string; readonly config?: string }): Promise<string | undefined> {
  try {
    const { values } = resolveSettings({}, process.env, readConfigFile(providerConfigFile(options)));
    const channel = values.updateChannel ?? "stable";
    const latest = await offeredRelease(values.coordinatorUrl ?? "", { channel, timeout_ms: ANSWER_ms });
    if (latest === undefined || releasePrecedence(latest.version, VERSION) <= 0) return undefined;
    return `Umbel ${latest.version} is offered; this is ${VERSION}. See umbel provider update --check (UMBEL_NO_UPDATE_CHECK=1 keeps this line away).`;
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}
