import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readBundleFiles } from "./bundle-files.js";
import { COMPILED, type InstallationPlaces, installationPlaces, OWN_NODE } from "./layout.js";
import { readPointer, writePointer } from "./pointer.js";

/** From this module to the folder of the version that it is of. */
const TO_VERSION = "../../../../../";
const OWN_PROGRAM = fileURLToPath(new URL("../../bin/umbel.js", import.meta.url));

/** The installation that this program belongs to; undefined where something else installed it: npm, git, a container. */
export function ownInstallation(module = import.meta.url): InstallationPlaces | undefined {
  const versions = path.dirname(versionFolder(module));
  const places = installationPlaces(path.dirname(versions));
  return versions === places.versions && existsSync(places.pointer) ? places : undefined;
}

/** What the files of this release come to, as its signature has them; undefined where this is none, or they are changed while they are read. */
export async function ownRuntimeHash(module = import.meta.url): Promise<string | undefined> {
  if (ownInstallation(module) === undefined) return undefined;
  const files = await readBundleFiles(versionFolder(module), COMPILED).catch(() => undefined);
  return files?.files_sha256;
}

function versionFolder(module: string): string {
  return path.resolve(fileURLToPath(new URL(TO_VERSION, module)));
}

/** Program and first arguments that start what this is, or what an update has put in its place. */
export function ownCommand(): readonly [string, ...string[]] {
  const own = ownInstallation();
  if (own === undefined) return [process.execPath, OWN_PROGRAM];
  // Node starts no batch files.
  return process.platform === "win32" ? [ownNode(own), own.launcher] : [own.commands.shell];
}

/** The same for what keeps it and never learns of updates. */
export function lastingCommand(): readonly [string, ...string[]] {
  const own = process.platform === "win32" ? ownInstallation() : undefined;
  return own === undefined ? ownCommand() : [own.commands.batch];
}

function ownNode({ versions, pointer }: InstallationPlaces): string {
  const { version } = JSON.parse(readFileSync(pointer, "utf8")) as { readonly version: string };
  const node = path.join(versions, version, OWN_NODE);
  return existsSync(node) ? node : process.execPath;
}

/** This version has come up: it is kept. */
export async function keepThisVersion(version: string): Promise<void> {
  const places = ownInstallation();
  if (places === undefined) return;
  const found = await readPointer(places);
  if (found.state === "trying" && found.version === version) await writePointer(places, { ...found, state: "kept", starts: 0 });
}
