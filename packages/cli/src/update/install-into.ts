import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DeviceKey } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { writeReleaseKeys } from "../releases/release-keys.js";
import { type InstallationPlaces, installationPlaces, LAUNCHER_SOURCE, NODE_OF } from "./layout.js";
import { writePointer } from "./pointer.js";

/** A folder that is to become an installation: empty, or what an earlier try has left. @throws CliError */
export async function prepareInstallation(directory: string): Promise<InstallationPlaces> {
  const places = installationPlaces(path.resolve(directory));
  await mkdir(places.root, { recursive: true, mode: 0o755 });
  const ours = [places.versions, places.keys, places.launcher, path.dirname(places.commands.shell)].map((place) => path.basename(place));
  const there = (await readdir(places.root)).filter((name) => !name.startsWith("."));
  if (!existsSync(places.pointer) && there.every((name) => ours.includes(name))) return places;
  throw new CliError(
    `${places.root} is not empty.`,
    EXIT_CODES.usage,
    "Name a folder that is empty or not there yet. An installation is updated from within: <directory>/bin/umbel provider update.",
  );
}

/** Makes a folder whose first version has come an installation. The pointer comes last: where it is, everything is. */
export async function finishInstallation(places: InstallationPlaces, version: string, keys: readonly DeviceKey[]): Promise<void> {
  await writeReleaseKeys(places.keys, keys);
  await placeLauncher(places, version);
  await writePointer(places, { version, previous: null, state: "kept", starts: 0, failed: null });
}

/** The launcher of a version that has come up, and the commands that start it, each in one step. */
export async function placeLauncher({ root, versions, launcher, commands }: InstallationPlaces, version: string): Promise<void> {
  await copyFile(path.join(versions, version, LAUNCHER_SOURCE), `${launcher}.new`);
  await rename(`${launcher}.new`, launcher);
  // One that came with a version goes with it.
  const node = process.execPath.startsWith(`${root}${path.sep}`) ? "node" : process.execPath;
  await mkdir(path.dirname(commands.shell), { recursive: true });
  for (const [file, text] of [[commands.shell, shellCommand(node)] as const, [commands.batch, batchCommand(node)] as const]) {
    await writeFile(`${file}.new`, text);
    await chmod(`${file}.new`, 0o755);
    await rename(`${file}.new`, file);
  }
}

/** Runs the version that the pointer names, on the Node that it brings or else on the one that is there. */
function shellCommand(node: string): string {
  return `#!/bin/sh
root=$(cd "$(dirname "$(readlink -f "$0" 2>/dev/null || echo "$0")")/.." && pwd)
version=$(sed -n 's/^ *"version": "\\([0-9A-Za-z.+-]*\\)".*/\\1/p' "$root/current.json" 2>/dev/null | head -n 1)
node=$root/versions/$version/${NODE_OF.posix}
[ -x "$node" ] || node=${quoted(node)}
exec "$node" "$root/umbel.mjs" "$@"
`;
}

function batchCommand(node: string): string {
  return [
    "@echo off",
    "setlocal",
    'set "version="',
    `for /f "tokens=2 delims=:, " %%v in ('findstr version "%~dp0..\\current.json"') do if not defined version set "version=%%~v"`,
    `set "node=%~dp0..\\versions\\%version%\\${NODE_OF.win32.replace("/", "\\")}"`,
    `if not exist "%node%" set "node=${node}"`,
    '"%node%" "%~dp0..\\umbel.mjs" %*',
    "",
  ].join("\r\n");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
