import type { Location } from "@umbel/protocol";
import { guestRules } from "@umbel/provider";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { ConfigFile } from "./config-file.js";
import type { SettingForm } from "./setting-form.js";
import { PROVIDER_SETTINGS, type SettingName, type SettingSource, type SettingValue } from "./settings.js";

/** What a provider runs with, and where each of it comes from. */
export interface ResolvedSettings {
  readonly values: { readonly [N in SettingName]: SettingValue<N> | undefined };
  readonly guest: z.input<typeof guestRules>;
  /** Where the machine stands; undefined where its owner does not say. */
  readonly location: Location | undefined;
  /** For people: every setting by its key in the file. */
  readonly shown: readonly { readonly key: string; readonly value: unknown; readonly source: SettingSource }[];
  /** What is in the file and means nothing. */
  readonly warnings: readonly string[];
}

const scheduleInFile = z.strictObject({
  enabled: z.boolean().default(true),
  time_zone: z.string().exactOptional(),
  windows: z.array(z.unknown()).default([]),
});

/**
 * Options before environment before file before defaults, each judged by the setting's own rules.
 *
 * @throws CliError (usage for an option, configuration for anything else) that names the place, the key and what is wrong
 */
export function resolveSettings(
  options: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): ResolvedSettings {
  const values: Partial<Record<SettingName, unknown>> = {};
  const shown: ResolvedSettings["shown"][number][] = [];
  for (const [name, form] of Object.entries(PROVIDER_SETTINGS) as [SettingName, SettingForm][]) {
    const { value, source } = resolveOne(form, options, env, file);
    values[name] = value;
    shown.push({ key: form.key, value: value ?? null, source });
  }
  const typed = values as ResolvedSettings["values"];
  assertSomethingComputes(typed);
  const schedule = scheduleOf(file);
  if (schedule !== undefined) shown.push({ key: "schedule", value: schedule, source: "file" });
  const guest: z.input<typeof guestRules> = {
    grace_ms: (typed.grace_s ?? 0) * 1_000,
    ...(typed.onBattery === undefined ? {} : { on_battery: typed.onBattery }),
    ...(typed.onMetered === undefined ? {} : { on_metered: typed.onMetered }),
    ...(typed.batteryPercent_min === undefined ? {} : { battery_percent_min: typed.batteryPercent_min }),
    ...(typed.idle_min === undefined ? {} : { idle_min: typed.idle_min }),
    ...(schedule === undefined ? {} : { schedule }),
  };
  return { values: typed, guest, location: locationOf(typed), shown, warnings: unknownKeys(file) };
}

function assertSomethingComputes({ gpu, gpuLayers, allowCpu }: ResolvedSettings["values"]): void {
  const { gpu: what, allowCpu: may, gpuLayers: layers } = PROVIDER_SETTINGS;
  const isNoGpu = gpu === "cpu" || gpuLayers === 0;
  const why = gpu === "cpu" ? `${what.key} is cpu` : `${layers.key} is 0`;
  if (isNoGpu && allowCpu === false) {
    throw new CliError(`${why} and ${may.key} is false, so that nothing may compute.`, EXIT_CODES.configuration, "Change one of them.");
  }
  if (gpuLayers === 0 && gpu !== "auto" && gpu !== "cpu") {
    throw new CliError(`${what.key} is ${gpu}, and with ${why} it computes nothing.`, EXIT_CODES.configuration, "Change one of them.");
  }
}

function locationOf({ country, city }: ResolvedSettings["values"]): Location | undefined {
  if (country !== undefined) return { country, ...(city !== undefined && { city }) };
  if (city === undefined) return undefined;
  throw new CliError(
    `${PROVIDER_SETTINGS.city.key}: it is not said in which country ${city} is.`,
    EXIT_CODES.configuration,
    `Set ${PROVIDER_SETTINGS.country.key}, too, such as "DE".`,
  );
}

/** One setting by itself: what is to be known before the others are. @throws CliError (configuration) */
export function resolveText(
  name: "dataDir" | "modelsDir" | "proxy" | "noProxy",
  env: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): string | undefined {
  const { value } = resolveOne(PROVIDER_SETTINGS[name], {}, env, file);
  return typeof value === "string" ? value : undefined;
}

function resolveOne(
  form: SettingForm,
  options: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): { readonly value: unknown; readonly source: SettingSource } {
  const { key, option, schema, fallback } = form;
  const given = option === undefined ? undefined : options[option];
  const isGiven = given !== undefined && !(Array.isArray(given) && given.length === 0);
  if (isGiven) return { value: judged(schema, given, `--${kebab(option ?? "")}`, EXIT_CODES.usage), source: "option" };
  const variable = env[form.env];
  if (variable !== undefined && variable !== "") {
    return { value: judged(schema, variable, form.env, EXIT_CODES.configuration), source: "environment" };
  }
  if (file?.values.has(key)) {
    return { value: judged(schema, file.values.get(key), placeIn(file, key), EXIT_CODES.configuration), source: "file" };
  }
  return { value: fallback, source: "default" };
}

function judged(schema: z.ZodType, value: unknown, place: string, exitCode: CliError["exitCode"]): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError(
    `${place}: ${JSON.stringify(value)} ${whatIsWrong(parsed.error)}.`,
    exitCode,
    "umbel provider start --help says what it takes.",
  );
}

/** A schedule that is partly wrong is refused whole: else the machine would serve when its owner said no. */
function scheduleOf(file: ConfigFile | undefined): z.input<typeof guestRules>["schedule"] {
  if (file === undefined) return undefined;
  const entries = [...file.values].filter(([key]) => key.startsWith("schedule."));
  if (entries.length === 0) return undefined;
  const parsed = scheduleInFile.safeParse(Object.fromEntries(entries.map(([key, value]) => [key.slice("schedule.".length), value])));
  if (!parsed.success) throw wrongSchedule(file, parsed.error);
  const { enabled, ...schedule } = parsed.data;
  if (!enabled) return undefined;
  const judgedRules = guestRules.safeParse({ schedule });
  if (!judgedRules.success) throw wrongSchedule(file, judgedRules.error);
  return schedule as z.input<typeof guestRules>["schedule"];
}

function wrongSchedule(file: ConfigFile, error: z.ZodError): CliError {
  const [issue] = error.issues;
  const where = issue?.path.filter((part) => part !== "schedule").join(".") ?? "";
  return new CliError(
    `${placeIn(file, "schedule")}${where === "" ? "" : `: ${where}`}: ${issue?.message ?? "is not a schedule"}.`,
    EXIT_CODES.configuration,
    'A window is: [[schedule.windows]] days = ["mon"], start = "22:00", end = "07:00".',
  );
}

function unknownKeys(file: ConfigFile | undefined): string[] {
  const known = new Set(Object.values(PROVIDER_SETTINGS).map(({ key }) => key));
  return [...(file?.values.keys() ?? [])]
    .filter((key) => !known.has(key) && !key.startsWith("schedule."))
    .map((key) => `${placeIn(file as ConfigFile, key)}: no setting has this name; it is ignored`);
}

function placeIn({ path, lineOf }: ConfigFile, key: string): string {
  const line = lineOf(key);
  return `${path}${line === undefined ? "" : `:${line}`}: ${key}`;
}

function whatIsWrong(error: z.ZodError): string {
  const issue = deepest(error.issues[0]);
  return issue === undefined
    ? "is not valid"
    : issue.replace(/^(?:Invalid|Too|Unrecognized)/, (word) => `is not valid: ${word.toLowerCase()}`);
}

/** Of a value that may have two forms, what is wrong with it in the form that it has. */
function deepest(issue: z.core.$ZodIssue | undefined): string | undefined {
  if (issue?.code !== "invalid_union") return issue?.message;
  const forms = issue.errors.map((errors) => errors[0]).filter((inner) => inner !== undefined);
  return deepest(forms.find(({ code }) => code !== "invalid_type") ?? forms[0]) ?? issue.message;
}

function kebab(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
