import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { launchdForm } from "./launchd.js";
import { type Runner, runSteps } from "./run-step.js";
import type { ServiceForm, ServiceSpec, ServiceState } from "./service-form.js";
import { systemdForm } from "./systemd.js";
import { windowsTaskForm } from "./windows-task.js";

/** A service is the default home's, unless it is named after another. */
export function serviceName(umbelHome: string, userHome: string): string {
  if (umbelHome === path.join(userHome, ".umbel")) return "umbel-provider";
  return `umbel-provider-${createHash("sha256").update(umbelHome).digest("hex").slice(0, 8)}`;
}

/** @throws CliError where no form is known */
export function serviceForm(platform: NodeJS.Platform, spec: ServiceSpec, umbelHome: string): ServiceForm {
  try {
    if (platform === "linux") return systemdForm(spec);
    if (platform === "darwin") return launchdForm(spec);
    if (platform === "win32") return windowsTaskForm(spec, umbelHome);
  } catch (cause) {
    if (cause instanceof RangeError) throw new CliError(`${cause.message}.`, EXIT_CODES.usage, "Use another path.", { cause });
    throw cause;
  }
  throw withoutManager(`Services of ${platform} are not known to Umbel`);
}

export function isInstalled(form: ServiceForm): boolean {
  return existsSync(form.file.path);
}

/** Writes the file and has the system start what it says, now and with every session. */
export async function installService(form: ServiceForm, run: Runner): Promise<void> {
  mkdirSync(path.dirname(form.file.path), { recursive: true, mode: 0o700 });
  writeFileSync(form.file.path, form.file.text, { encoding: form.file.encoding, mode: 0o600 });
  await runSteps(form.install, run);
}

/** Takes the service away; what the provider keeps stays where it is. */
export async function uninstallService(form: ServiceForm, run: Runner): Promise<void> {
  await runSteps(form.uninstall, run);
  rmSync(form.file.path, { force: true });
  await runSteps(form.afterRemoval, run);
}

export async function startService(form: ServiceForm, run: Runner): Promise<void> {
  await runSteps(form.start, run);
}

/** Undefined when it is not installed. */
export async function serviceState(form: ServiceForm, run: Runner): Promise<ServiceState | undefined> {
  return isInstalled(form) ? form.state(await run(form.query.command)) : undefined;
}

/** What to tell of a service that ends with its user's session; undefined when it does not. */
export async function lingerAdvice({ lingering }: ServiceForm, run: Runner): Promise<string | undefined> {
  if (lingering === undefined) return undefined;
  return lingering.isMissing(await run(lingering.query.command)) ? lingering.advice : undefined;
}

/** @throws CliError that says what to do without one */
export async function assertManager(form: ServiceForm, run: Runner): Promise<void> {
  const { code, stderr } = await run(form.probe.command);
  if (code === 0) return;
  const why = code === undefined ? `${form.probe.command[0]} is not here` : (stderr.trim().split("\n")[0] ?? "");
  throw withoutManager(`This session has no ${form.manager}${why === "" ? "" : `: ${why}`}`);
}

function withoutManager(why: string): CliError {
  return new CliError(
    `${why}.`,
    EXIT_CODES.failure,
    "Without one: umbel provider start runs it in the background until the machine restarts. Under another supervisor, or in a container, have that run umbel provider start --foreground.",
  );
}
