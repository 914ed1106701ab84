import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import path from "node:path";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { createOutput, type Output } from "../output.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { givenUp } from "../provider/crash-guard.js";
import { phaseInWords } from "../provider/in-words.js";
import { type ProviderPlaces, providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { PROVIDER_SETTINGS } from "../provider/settings.js";
import { stopAndWait } from "../provider/stop.js";
import { systemRunner } from "../service/run-step.js";
import {
  assertManager,
  installService,
  isInstalled,
  lingerAdvice,
  serviceForm,
  serviceName,
  serviceState,
  uninstallService,
} from "../service/service.js";
import type { ServiceForm, Step } from "../service/service-form.js";
import { lastingCommand } from "../update/installation.js";

/** What a provider needs to end after its running answers had their time. */
const LEAVE_s = 30;
const STOP_s_min = 150;

export interface ServiceOptions extends PlaceOptions {
  readonly coordinator?: string;
  readonly model?: readonly string[];
  readonly token?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `umbel provider service install`: the provider starts with this user's session, and again after a crash. */
export async function installProviderService(options: ServiceOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const token = (options.token ?? process.env["UMBEL_PROVIDER_TOKEN"]) || undefined;
  const tokenFile = tokenFileFor(places, token);
  const form = formOf(options, places, tokenFile);
  for (const line of unseenSettings(process.env)) output.note(line);
  const plan = { manager: form.manager, file: form.file.path, commands: form.install.map(({ command }) => command) };
  if (options.dryRun === true) {
    output.result({ ...plan, dry_run: true, text: form.file.text });
    output.line(`Would write ${form.file.path}:\n\n${form.file.text}`);
    if (tokenFile !== undefined && token !== undefined) output.line(`Would write the token to ${tokenFile}, readable for you alone.`);
    output.line(`Would run:\n${form.install.map(asLine).join("\n")}`);
    return;
  }
  await assertManager(form, systemRunner);
  await stopOwn(form, places, output);
  if (tokenFile !== undefined && token !== undefined) writeToken(tokenFile, token);
  mkdirSync(path.dirname(places.crashLog), { recursive: true, mode: 0o700 });
  await installService(form, systemRunner);
  const advice = await lingerAdvice(form, systemRunner);
  output.result({ ...plan, dry_run: false, installed: true, advice: advice ?? null });
  output.line(`The provider runs as a service now, kept by ${form.manager}: ${form.file.path}`);
  if (advice !== undefined) output.line(advice);
  output.line(
    "See it with umbel provider status, its log with umbel provider logs; stop it with umbel provider stop, start it with umbel provider restart.",
  );
}

/** `umbel provider service uninstall`: stops it and takes the service away. Keys, models, settings and the log stay. */
export async function uninstallProviderService(options: ServiceOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const form = formOf(options, places, undefined);
  const steps = [...form.uninstall, ...form.afterRemoval];
  const plan = { manager: form.manager, file: form.file.path, commands: steps.map(({ command }) => command) };
  if (options.dryRun === true) {
    output.result({ ...plan, dry_run: true });
    output.line(`Would run, and remove ${form.file.path}:\n${steps.map(asLine).join("\n")}`);
    return;
  }
  if (!isInstalled(form)) throw new CliError("No service is installed.", EXIT_CODES.failure, "There is nothing to uninstall.");
  await assertManager(form, systemRunner);
  await stopOwn(form, places, output);
  await uninstallService(form, systemRunner);
  output.result({ ...plan, dry_run: false, installed: false });
  output.line("The service is gone. Keys, models, settings and the log stay where they are.");
}

/** `umbel provider service status`: whether a service is installed and runs. Exits with 1 if not. */
export async function providerServiceStatus(options: ServiceOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const form = formOf(options, places, undefined);
  const state = await serviceState(form, systemRunner);
  const provider = await statusOf(places.home).catch(() => undefined);
  const gaveUp = state?.hasGivenUp === true || (provider === undefined && givenUp(places) !== undefined);
  const isRunning = state !== undefined && (state.isRunning || provider !== undefined);
  output.result({
    installed: state !== undefined,
    running: isRunning,
    gave_up: gaveUp,
    manager: form.manager,
    file: form.file.path,
    state: state?.words ?? null,
    pid: state?.pid ?? provider?.pid ?? null,
    phase: provider?.phase ?? null,
  });
  if (!isRunning) process.exitCode = EXIT_CODES.failure;
  if (state === undefined) {
    output.line("No service is installed. Install it: umbel provider service install");
    return;
  }
  output.line(
    `Service of ${form.manager}: ${state.words}${provider === undefined ? "" : `; the provider is ${phaseInWords(provider.phase)}`}`,
  );
  output.line(`  ${form.file.path}`);
  if (gaveUp) {
    output.line(
      "It ended with an error, or too often, and is not started again. See why: umbel provider doctor, umbel provider logs. Then: umbel provider restart",
    );
  } else if (!isRunning) output.line("Start it: umbel provider restart");
}

/** The service of this home; undefined when none is installed. */
export function installedService(options: PlaceOptions): ServiceForm | undefined {
  if (!["linux", "darwin", "win32"].includes(process.platform)) return undefined;
  const form = formOf(options, providerPlaces(options), undefined);
  return isInstalled(form) ? form : undefined;
}

function formOf(options: ServiceOptions, places: ProviderPlaces, tokenFile: string | undefined): ServiceForm {
  const [umbelHome, userHome] = [resolveHome(options.home), homedir()];
  const spec = {
    name: serviceName(umbelHome, userHome),
    command: [...lastingCommand(), ...startArguments(options, places, umbelHome, tokenFile)],
    crashLog: places.crashLog,
    stop_s: stopTime_s(places),
    userHome,
    user: { name: userInfo().username, id: process.getuid?.() ?? 0 },
  };
  return serviceForm(process.platform, spec, umbelHome);
}

function startArguments(
  { coordinator, model = [] }: ServiceOptions,
  places: ProviderPlaces,
  umbelHome: string,
  tokenFile?: string,
): string[] {
  return [
    ...["provider", "start", "--foreground", "--home", umbelHome, "--config", places.configFile, "--log-file", places.log],
    // systemd counts crashes itself.
    ...(process.platform === "linux" ? [] : ["--guarded"]),
    ...(coordinator === undefined ? [] : ["--coordinator", coordinator]),
    ...model.flatMap((one) => ["--model", existsSync(one) ? path.resolve(one) : one]),
    ...(tokenFile === undefined ? [] : ["--token-file", tokenFile]),
  ];
}

/** Running answers have their grace, which is a setting. */
function stopTime_s({ configFile }: ProviderPlaces): number {
  const { grace_s = 0 } = resolveSettings({}, {}, readConfigFile(configFile)).values;
  return Math.max(STOP_s_min, grace_s + LEAVE_s);
}

/** A service does not see the environment of this shell. */
function unseenSettings(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.values(PROVIDER_SETTINGS)
    .filter((setting) => (env[setting.env] ?? "") !== "")
    .map(({ env: name, key }) => `The service will not see ${name}; set ${key} in provider.toml instead.`);
}

/** The token of the last install stays: it need not be given again. */
function tokenFileFor({ home }: ProviderPlaces, token: string | undefined): string | undefined {
  const file = path.join(home, "service-token");
  return token !== undefined || existsSync(file) ? file : undefined;
}

function writeToken(file: string, token: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, `${token}\n`, { mode: 0o600, flag: "wx" });
  renameSync(next, file);
}

/** Two providers do not run on one home. */
async function stopOwn(form: ServiceForm, places: ProviderPlaces, output: Output): Promise<void> {
  const running = await statusOf(places.home);
  if (running === undefined) return;
  const state = await serviceState(form, systemRunner);
  if (state === undefined || (state.pid !== undefined && state.pid !== running.pid)) {
    throw new CliError(
      `A provider that is no service runs on ${places.home} (process ${running.pid}).`,
      EXIT_CODES.failure,
      "Stop it first: umbel provider stop.",
    );
  }
  await stopAndWait(places.home, false, () => output.note("Stopping it …"));
}

function asLine({ command }: Step): string {
  return `  ${command.map((part) => (/^[\w./:=,@\\-]+$/.test(part) ? part : `"${part}"`)).join(" ")}`;
}
