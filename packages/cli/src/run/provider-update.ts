import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { RELEASE_VERSION, releasePrecedence } from "@umbel/protocol";
import { z } from "zod";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { VERSION } from "../version.js";

const release = z.object({ version: z.string().regex(RELEASE_VERSION), changelog: z.string().max(16_384), channel: z.string() });

export interface UpdateOptions {
  readonly home?: string;
  readonly config?: string;
  readonly coordinator?: string;
  readonly channel: string;
  readonly json?: boolean;
}

/** `umbel provider update`: whether the coordinator offers a newer release, and how to get it. It fetches no program. */
export async function checkForUpdate(options: UpdateOptions): Promise<void> {
  const output = createOutput(options);
  if (options.channel !== "stable" && options.channel !== "beta") {
    throw new CliError(`There is no channel "${options.channel}".`, EXIT_CODES.usage, "Use stable or beta.");
  }
  const { values } = resolveSettings({ ...options }, process.env, readConfigFile(providerPlaces(options).configFile));
  const coordinator = values.coordinatorUrl ?? "";
  const platform = `${process.platform}-${process.arch}`;
  const query = new URLSearchParams({ platform, channel: options.channel });
  const reply = await callCoordinator(coordinator, { method: "GET", path: `/v1/releases/latest?${query}` });
  if (reply.status !== 200 && reply.status !== 404) {
    throw new CliError(`The coordinator refused: ${reply.message}.`, EXIT_CODES.failure, "Try again later.");
  }
  const offered = reply.status === 404 ? undefined : release.safeParse(reply.body);
  if (offered?.success === false) {
    throw new CliError(`What ${coordinator} offers is no release.`, EXIT_CODES.verification, "Tell the coordinator's operator.");
  }
  const latest = offered?.data;
  const isNewer = latest !== undefined && releasePrecedence(latest.version, VERSION) > 0;
  const how = isCheckout()
    ? "git pull && npm ci && npm run build && npx umbel provider restart"
    : "npm update, then umbel provider restart";
  output.result({
    ...{ installed: VERSION, platform, channel: options.channel, latest: latest?.version ?? null, update_available: isNewer },
    ...{ changelog: latest?.changelog ?? null, how: isNewer ? how : null },
  });
  if (latest === undefined) output.line(`${coordinator} offers no release for ${platform}. This is ${VERSION}.`);
  else if (!isNewer) output.line(`This is ${VERSION}, and nothing newer is offered (${latest.version}).`);
  else {
    output.line(`${latest.version} is offered; this is ${VERSION}.`);
    if (latest.changelog !== "") output.line(withoutControls(latest.changelog));
    output.line(`Nothing was fetched. To update this ${isCheckout() ? "checkout" : "installation"}: ${how}`);
  }
}

function isCheckout(): boolean {
  return existsSync(fileURLToPath(new URL("../../../../.git", import.meta.url)));
}

/** A terminal would obey what a coordinator writes. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, "");
}
