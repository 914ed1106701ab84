import { type DiscoveryRecord, readDiscoveryRecord } from "@umbel/provider";
import { examples } from "../examples.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";

/** Shown in place of a key where none is asked for; clients insist on one. */
const NO_KEY = "none";

/** `umbel provider local`: where the endpoint is that runs on this machine. */
export async function showLocal(options: PlaceOptions & { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const record = await readDiscoveryRecord(providerPlaces(options).home);
  if (record !== undefined) {
    output.result(record);
    showEndpoint(record, output);
    return;
  }
  output.result({});
  throw new CliError("No endpoint runs on this machine.", EXIT_CODES.failure, "Start one with: umbel provider start --local");
}

/** Where it is and how it is asked, to paste. */
export function showEndpoint({ base_url, api_key, models }: DiscoveryRecord, output: Output): void {
  const [model = "sprout"] = models;
  const shown = examples(base_url, api_key ?? NO_KEY, model);
  output.line(`Endpoint: ${base_url}`);
  output.line(`API key: ${api_key ?? "none is asked for"}`);
  output.line(`Models: ${models.join(", ")}`);
  output.line(
    `\n# curl\n${shown.curl}\n\n# TypeScript\n${shown.typescript}\n\n# Anthropic's clients: base URL ${base_url.replace(/\/v1$/, "")}\n`,
  );
}
