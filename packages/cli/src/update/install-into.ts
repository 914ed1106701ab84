import { chmod, copyFile, mkdir, readdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { DeviceKey } from "@umbel/protocol";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { writeReleaseKeys } from "../releases/release-keys.js";
import { type InstallationPlaces, installationPlaces, LAUNCHER_SOURCE } from "./layout.js";
import { writePointer } from "./pointer.js";

/** A folder that is to become an installation: empty, or what an earlier try has left. @throws CliError */
export async function prepareInstallation(directory: string): Promise<InstallationPlaces> {
  const places = installationPlaces(path.resolve(directory));
  await mkdir(places.root, { recursive: true, mode: 0o755 });
  const there = (await readdir(places.root)).filter((name) => !name.startsWith(".") && name !== path.basename(places.versions));
  if (there.length === 0) return places;
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
  const commands = path.join(places.root, "bin");
  await mkdir(commands, { recursive: true });
  const shell = path.join(commands, "umbel");
  await writeFile(shell, `#!/bin/sh\nexec ${quoted(process.execPath)} "$(dirname "$(readlink -f "$0" || echo "$0")")/../umbel.mjs" "$@"\n`);
  await chmod(shell, 0o755);
  await writeFile(path.join(commands, "umbel.cmd"), `@"${process.execPath}" "%~dp0..\\umbel.mjs" %*\r\n`);
  await writePointer(places, { version, previous: null, state: "kept", starts: 0, failed: null });
}

/** The launcher of a version that has come up, in one step. */
export async function placeLauncher({ versions, launcher }: InstallationPlaces, version: string): Promise<void> {
  const draft = `${launcher}.new`;
  await copyFile(path.join(versions, version, LAUNCHER_SOURCE), draft);
  await rename(draft, launcher);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
