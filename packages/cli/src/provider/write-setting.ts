import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readConfigFile } from "./config-file.js";

/**
 * Sets one key in the file of settings; comments, order and everything else stay as they are. What was there before is beside it, as `.bak`.
 *
 * @throws CliError (configuration) for a file that is broken, or written in a way that this cannot change
 */
export async function writeSetting(file: string, key: string, value: boolean): Promise<void> {
  const before = readConfigFile(file);
  const text = existsSync(file) ? await readFile(file, "utf8") : "";
  const draft = `${file}.new`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(draft, withSetting(text, key, value));
  const after = readConfigFile(draft)?.values ?? new Map();
  const expected = new Map([...(before?.values ?? []), [key, value]]);
  const isAsMeant =
    after.size === expected.size && [...expected].every(([name, want]) => JSON.stringify(after.get(name)) === JSON.stringify(want));
  if (!isAsMeant) {
    await rm(draft, { force: true });
    throw new CliError(
      `${file} is written in a way that this command cannot change.`,
      EXIT_CODES.configuration,
      `Set ${key} = ${value} in it by hand.`,
    );
  }
  if (existsSync(file)) await copyFile(file, `${file}.bak`);
  await rename(draft, file);
}

/** The text with the key set: on its own line if it has one, else first in its section, else in a section at the end. */
function withSetting(text: string, key: string, value: boolean): string {
  const [section = "", name = ""] = key.split(".");
  const lines = text.split("\n");
  const header = lines.findIndex((line) => new RegExp(`^\\s*\\[\\s*${section}\\s*\\]\\s*(?:#.*)?$`).test(line));
  if (header === -1)
    return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${text === "" ? "" : "\n"}[${section}]\n${name} = ${value}\n`;
  const next = lines.findIndex((line, index) => index > header && /^\s*\[/.test(line));
  const own = lines.findIndex(
    (line, index) => index > header && (next === -1 || index < next) && new RegExp(`^\\s*${name}\\s*=`).test(line),
  );
  if (own === -1) return lines.toSpliced(header + 1, 0, `${name} = ${value}`).join("\n");
  const changed = (lines[own] ?? "").replace(/=\s*("[^"]*"|'[^']*'|[^#\s]*)/, `= ${value}`);
  return lines.toSpliced(own, 1, changed).join("\n");
}
