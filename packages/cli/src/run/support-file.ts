import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { redactFields } from "@umbel/protocol";
import { readLogReport } from "@umbel/provider";
import type { Finding } from "../doctor/finding.js";
import { readConfigFile } from "../provider/config-file.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { factsOf } from "./provider-report.js";

const SPAN_ms = 24 * 3_600_000;
const NAME = "umbel-support.txt";

/** Writes what helps others to help: the first line what is known and was found, the others the log's. Nothing is sent. @returns its place */
export async function writeSupportFile(options: PlaceOptions, findings: readonly Finding[], name: string | true): Promise<string> {
  const places = providerPlaces(options);
  const settings = resolveSettings({}, process.env, readConfigFile(places.configFile));
  const since = new Date(Date.now() - SPAN_ms);
  const facts = { ...(await factsOf(settings, places, since)), findings };
  const file = path.resolve(name === true ? NAME : name);
  const text = existsSync(places.log) ? (await readLogReport(places.log, since, facts)).text : `${JSON.stringify(redactFields(facts))}\n`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
