import { readFileSync } from "node:fs";
import { parse, TomlError } from "smol-toml";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** A provider's file as it is: nothing of it has been judged yet. */
export interface ConfigFile {
  readonly path: string;
  /** By section and key, e.g. `backend.parallel`. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Line of a key, from 1; undefined when it cannot be told. */
  lineOf(key: string): number | undefined;
}

/**
 * Reads the file; undefined if there is none. It is its owner's: `writeSetting` alone changes it.
 *
 * @throws CliError (configuration) when it cannot be read or is no TOML, with file and line
 */
export function readConfigFile(path: string): ConfigFile | undefined {
  const text = textOf(path);
  if (text === undefined) return undefined;
  try {
    const values = new Map<string, unknown>();
    for (const [section, content] of Object.entries(parse(text))) {
      if (!isTable(content)) values.set(section, content);
      else for (const [key, value] of Object.entries(content)) values.set(`${section}.${key}`, value);
    }
    return { path, values, lineOf: (key) => lineOf(text, key) };
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    const [what = cause.message] = cause.message.split("\n");
    throw new CliError(`${path}:${cause.line}: ${what}`, EXIT_CODES.configuration, "Correct that line; the file is TOML.", { cause });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new CliError(`${path} cannot be read.`, EXIT_CODES.configuration, "Make it readable for the user that the provider runs as.", {
      cause,
    });
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** TOML readers do not keep lines; a key of a section is found below its header, in a plain file at least. */
function lineOf(text: string, key: string): number | undefined {
  const [section = "", name] = key.split(".");
  const lines = text.split("\n");
  let at = "";
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[{1,2}\s*([\w.-]+)/.exec(line)?.[1];
    if (header !== undefined) {
      at = header.split(".")[0] ?? "";
      if (at === section && (name === undefined || header === key)) return index + 1;
      continue;
    }
    const found = /^\s*([\w-]+)\s*=/.exec(line)?.[1];
    if (found !== undefined && (name === undefined ? at === "" && found === section : at === section && found === name)) return index + 1;
  }
  return undefined;
}
