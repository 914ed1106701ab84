import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type InstallationPlaces, installationPlaces } from "./layout.js";
import { readPointer, writePointer } from "./pointer.js";

/** From this module to the folder of the version that it is of. */
const TO_VERSION = "../../../../../";
const OWN_PROGRAM = fileURLToPath(new URL("../../bin/umbel.js", import.meta.url));

/** The installation that this program belongs to; undefined where something else installed it: npm, git, a container. */
export function ownInstallation(module = import.meta.url): InstallationPlaces | undefined {
  const version = path.resolve(fileURLToPath(new URL(TO_VERSION, module)));
  const versions = path.dirname(version);
  const places = installationPlaces(path.dirname(versions));
  return versions === places.versions && existsSync(places.pointer) ? places : undefined;
}

/** What to start so that it is still right after an update. */
export function ownProgram(): string {
  return ownInstallation()?.launcher ?? OWN_PROGRAM;
}

/** This version has come up: it is kept. */
export async function keepThisVersion(version: string): Promise<void> {
  const places = ownInstallation();
  if (places === undefined) return;
  const found = await readPointer(places);
  if (found.state === "trying" && found.version === version) await writePointer(places, { ...found, state: "kept", starts: 0 });
}
