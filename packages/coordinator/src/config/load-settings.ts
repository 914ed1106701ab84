import { readFileSync } from "node:fs";
import { conflictsOf } from "./conflicts.js";
import { SETTINGS, type SettingName, type Settings } from "./settings.js";

/** Settings of programs that share the environment with the coordinator: providers, clients of the API, and the commands themselves. */
const OTHER_PROGRAMS = /^UMBEL_(?:PROVIDER_.*|API_KEY|BASE_URL|PUBLISHING_KEY|NO_UPDATE_CHECK)$/;
const PREFIX = "UMBEL_";

export interface SettingsProblem {
  readonly name: string;
  /** As given, masked if it is a secret. */
  readonly value: string;
  readonly expected: string;
}

/** The settings are not usable. `problems` holds all of them; the message lists them, one a line, without secrets. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    const lines = problems.map(({ name, value, expected }) => `  ${name}=${value}: expected ${expected}`);
    super(`The settings are not usable:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

export interface SettingsSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Written as in the environment, and stronger than it: what a command line said. */
  readonly overrides?: Readonly<Partial<Record<SettingName, string>>>;
}

/** Where a setting's value comes from, weakest first. */
export const SETTING_SOURCES = ["default", "environment", "file", "command_line"] as const;

/** One setting as the operator wrote it. */
export interface WrittenSetting {
  readonly name: string;
  /** Undefined for a secret. */
  readonly value: string | undefined;
  readonly source: (typeof SETTING_SOURCES)[number];
  readonly about: string;
}

/** How settings were written, beside what was read of them: most are no longer text, and none says where it came from. */
const written = new WeakMap<Settings, readonly WrittenSetting[]>();

/** Every setting that is in effect, and where it comes from. Secrets are named and not shown. */
export function writtenSettings(settings: Settings): readonly WrittenSetting[] {
  return written.get(settings) ?? [];
}

/**
 * Reads the settings from defaults, then the environment, then `overrides`. A secret may stand in a file that `<NAME>_FILE` names.
 *
 * @throws SettingsError with every invalid value and every unknown name with our prefix, not only the first.
 */
export function loadSettings(sources: SettingsSources): Settings {
  const problems: SettingsProblem[] = unknownNames(sources.env);
  const read: Partial<Record<SettingName, unknown>> = {};
  const rows: WrittenSetting[] = [];
  for (const name of settingNames()) {
    const setting = SETTINGS[name];
    const override = sources.overrides?.[name];
    const given = override ?? fromEnvironment(name, sources.env, problems);
    const raw = given ?? setting.default;
    const source = override !== undefined ? "command_line" : given === undefined ? "default" : environmentSource(name, sources.env);
    rows.push({ name: setting.env, value: isSecret(name) ? undefined : raw, source, about: setting.about });
    const result = setting.schema.safeParse(raw);
    if (result.success) read[name] = result.data;
    else problems.push({ name: setting.env, value: shown(name, raw), expected: setting.expected });
  }
  if (problems.length > 0) throw new SettingsError(problems);
  // Complete: the loop covered every name, and each value came out of that name's schema.
  const settings = Object.freeze(read) as Settings;
  const conflicts = conflictsOf(settings, sources.env);
  if (conflicts.length > 0) throw new SettingsError(conflicts);
  written.set(settings, rows);
  return settings;
}

/** The settings as rows of a Markdown table, for the documentation. */
export function settingsTable(): string {
  const rows = settingNames().map((name) => {
    const { env, default: fallback, about } = SETTINGS[name];
    return `| \`${env}\` | ${fallback === "" ? "empty" : `\`${fallback}\``} | ${about} |`;
  });
  return ["| Setting | Default | Meaning |", "|---|---|---|", ...rows].join("\n");
}

function settingNames(): SettingName[] {
  return Object.keys(SETTINGS) as SettingName[];
}

function isSecret(name: SettingName): boolean {
  return "secret" in SETTINGS[name];
}

function fromEnvironment(name: SettingName, env: SettingsSources["env"], problems: SettingsProblem[]): string | undefined {
  const variable = SETTINGS[name].env;
  const file = isSecret(name) ? env[`${variable}_FILE`] : undefined;
  if (file === undefined) return env[variable];
  if (env[variable] !== undefined) {
    problems.push({ name: `${variable}_FILE`, value: file, expected: `to be absent when ${variable} is given` });
    return undefined;
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    problems.push({ name: `${variable}_FILE`, value: file, expected: "a readable file that holds the value" });
    return undefined;
  }
}

function environmentSource(name: SettingName, env: SettingsSources["env"]): "environment" | "file" {
  return isSecret(name) && env[`${SETTINGS[name].env}_FILE`] !== undefined ? "file" : "environment";
}

function unknownNames(env: SettingsSources["env"]): SettingsProblem[] {
  const known = new Set(
    settingNames().flatMap((name) => (isSecret(name) ? [SETTINGS[name].env, `${SETTINGS[name].env}_FILE`] : [SETTINGS[name].env])),
  );
  return Object.keys(env)
    .filter((variable) => variable.startsWith(PREFIX) && env[variable] !== undefined)
    .filter((variable) => !known.has(variable) && !OTHER_PROGRAMS.test(variable))
    .map((variable) => ({ name: variable, value: "…", expected: "to be absent: there is no such setting" }));
}

function shown(name: SettingName, raw: string): string {
  return isSecret(name) ? "(hidden)" : JSON.stringify(raw.slice(0, 64));
}
