import { statfs } from "node:fs/promises";
import { readMemory, readPosture, SYSTEM_SOURCES } from "@umbel/provider";
import { coordinatorChecks } from "../doctor/coordinator-checks.js";
import { type Finding, fail } from "../doctor/finding.js";
import { listeningChecks } from "../doctor/listening-checks.js";
import { modelChecks } from "../doctor/model-checks.js";
import type { Patient } from "../doctor/patient.js";
import { postureChecks } from "../doctor/posture-checks.js";
import { runningChecks } from "../doctor/running-checks.js";
import { setupChecks } from "../doctor/setup-checks.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output } from "../output.js";
import { proxyVariables, useProxies } from "../process/use-proxies.js";
import { machineToken } from "../provider/account-link.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { givenUp } from "../provider/crash-guard.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { type ResolvedSettings, resolveSettings } from "../provider/resolve-settings.js";
import { systemRunner } from "../service/run-step.js";
import { serviceState } from "../service/service.js";
import { installedService } from "./provider-service.js";
import { writeSupportFile } from "./support-file.js";

export interface DoctorOptions {
  readonly home?: string;
  readonly config?: string;
  readonly strict?: boolean;
  /** Where to; true is the usual name. */
  readonly support?: string | true;
  readonly json?: boolean;
}

/** `umbel provider doctor`: what is wrong, why, and what to do. Exits with 1 if something is (`--strict`: or could be better). */
export function doctor(options: DoctorOptions): Promise<void> {
  return examine(options, { isThorough: false, isStrict: options.strict === true });
}

/** `umbel provider verify`: everything, with every byte of every model; whatever is not well counts. */
export function verify(options: DoctorOptions): Promise<void> {
  return examine(options, { isThorough: true, isStrict: true });
}

async function examine(options: DoctorOptions, how: { readonly isThorough: boolean; readonly isStrict: boolean }): Promise<void> {
  const output = createOutput(options);
  const findings = await findingsOf(options, how.isThorough);
  const failed = findings.filter(({ status }) => status === "fail" || (how.isStrict && status === "warn")).length;
  output.result({ ok: failed === 0, findings: findings.map((finding) => ({ ...finding, fix: finding.fix ?? null })) });
  for (const finding of findings) show(finding, output);
  output.line(failed === 0 ? "\nAll is well." : `\n${failed} of ${findings.length} checks found something to put right.`);
  if (options.support !== undefined) {
    const file = await writeSupportFile(options, findings, options.support);
    output.note(`Wrote ${file}: nothing was sent. Read it, then pass it to whoever helps you.`);
  }
  if (failed > 0) process.exitCode = how.isThorough ? EXIT_CODES.verification : EXIT_CODES.failure;
}

/** Settings that are wrong keep everything else from being looked at: they say where everything else is. */
async function findingsOf(options: DoctorOptions, isThorough: boolean): Promise<readonly Finding[]> {
  let places: ProviderPlaces;
  let settings: ResolvedSettings;
  try {
    places = providerPlaces(options);
    settings = resolveSettings({}, process.env, readConfigFile(places.configFile));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [fail("settings", error.message, error.remedy ?? "Correct it.")];
  }
  const status = await statusOf(places.home).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  await useProxies(proxyVariables(settings.values, process.env));
  const token = await machineToken(places.home, settings.values.coordinatorUrl);
  const patient: Patient = {
    places,
    settings,
    status,
    token,
    gaveUp: status === undefined ? await whyGivenUp(options, places) : undefined,
    posture: await postureOf(status),
    nodeVersion: process.version,
    now: () => new Date(),
    fetch: (url, init) => fetch(url, init),
    freeDisk_bytes: async (folder) => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    memory_bytes: (await readMemory()).total_bytes,
    isThorough,
  };
  return [
    ...(await setupChecks(patient)),
    ...postureChecks(patient),
    ...(await listeningChecks(patient)),
    ...(await modelChecks(patient)),
    ...runningChecks(patient),
    ...(await coordinatorChecks(patient)),
  ];
}

/** As the provider that runs has found it; of one that does not run nobody can be traced. */
async function postureOf(status: Patient["status"]): Promise<Patient["posture"]> {
  const told = status === undefined || status instanceof Error ? null : status.posture;
  return told ?? (await readPosture([], SYSTEM_SOURCES));
}

/** As what keeps the service says, or the provider itself where that does not count crashes. */
async function whyGivenUp(options: DoctorOptions, places: ProviderPlaces): Promise<string | undefined> {
  const own = givenUp(places);
  if (own !== undefined) return `${own.why} (${own.at})`;
  const service = installedService(options);
  const state = service === undefined ? undefined : await serviceState(service, systemRunner);
  return state?.hasGivenUp === true ? state.words : undefined;
}

const MARKS = { pass: "PASS", warn: "WARN", fail: "FAIL" } as const;

function show({ status, words, fix }: Finding, output: Output): void {
  output.line(`[${MARKS[status]}] ${words}`);
  if (fix !== undefined) output.line(`       ↳ fix: ${fix}`);
}
