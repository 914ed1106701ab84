import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { catalogKeys, type DeviceKey, RELEASE_VERSION } from "@umbel/protocol";
import { z } from "zod";
import { namedKeys, writeReleaseKeys } from "../releases/release-keys.js";
import { placeLauncher } from "./install-into.js";
import type { InstallationPlaces } from "./layout.js";
import { readPointer, writePointer } from "./pointer.js";
import { removeOtherVersions } from "./stage-release.js";

/** Source: provider.md §18; loading and verifying large models takes its time. */
const HEALTHY_within_ms = 300_000;
/** A provider that did not reach its coordinator before need not reach it now. */
const UNCONNECTED_within_ms = 30_000;

const trialRecord = z.object({
  version: z.string().regex(RELEASE_VERSION),
  /** Whether the version before was connected when it made way. */
  connected: z.boolean(),
  /** What the version before could not load either. */
  failed_builds: z.array(z.string()),
  next_keys: catalogKeys.nullable(),
});

/** A version that a service starts in the place of the one before, which has ended: it judges itself. */
export interface Trial {
  readonly within_ms: number;
  /** @returns why it is not as it should be; undefined when all is well */
  judge(now: { readonly hasRegistered: boolean; readonly isReady: boolean; readonly failed_builds: readonly string[] }): string | undefined;
  keep(): Promise<void>;
  /** From the next start on the version before runs again. */
  goBack(why: string, at: Date): Promise<void>;
}

/** Has the next start run this version on trial, with what it is to be held to. */
export async function putOnTrial(
  places: InstallationPlaces,
  version: string,
  before: { readonly connected: boolean; readonly failed_builds: readonly string[]; readonly nextKeys: readonly DeviceKey[] },
): Promise<void> {
  const { connected, failed_builds, nextKeys } = before;
  const next_keys = nextKeys.length === 0 ? null : await namedKeys(nextKeys);
  const draft = `${fileOf(places)}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify({ version, connected, failed_builds, next_keys }));
  await rename(draft, fileOf(places));
  const found = await readPointer(places);
  await writePointer(places, { version, previous: found.version, state: "trying", starts: 0, failed: found.failed });
}

/** The trial that this version is on; undefined when it is on none. */
export async function trialOf(places: InstallationPlaces, version: string): Promise<Trial | undefined> {
  if (!existsSync(fileOf(places))) return undefined;
  const record = trialRecord.safeParse(JSON.parse(await readFile(fileOf(places), "utf8")));
  const { state, version: pointed, previous } = await readPointer(places);
  if (!record.success || record.data.version !== version || pointed !== version || state !== "trying" || previous === null)
    return undefined;
  const { connected, failed_builds, next_keys } = record.data;
  return {
    within_ms: connected ? HEALTHY_within_ms : UNCONNECTED_within_ms,
    judge(now) {
      const failures = now.failed_builds.filter((build) => !failed_builds.includes(build));
      if (failures.length > 0) return `it could not load ${failures.join(", ")}`;
      if (now.hasRegistered || (!connected && now.isReady)) return undefined;
      return now.isReady ? "it did not get registered with the coordinator" : "it did not come up in time";
    },
    async keep() {
      await writePointer(places, { ...(await readPointer(places)), state: "kept", starts: 0 });
      if (next_keys !== null) {
        await writeReleaseKeys(
          places.keys,
          next_keys.keys.map(({ jwk }) => jwk),
        );
      }
      await placeLauncher(places, version);
      await removeOtherVersions(places, [version, previous]);
      await rm(fileOf(places), { force: true });
    },
    async goBack(why, at) {
      const failed = { version, why, at: at.toISOString() };
      await writePointer(places, { version: previous, previous: null, state: "kept", starts: 0, failed });
      await rm(fileOf(places), { force: true });
    },
  };
}

function fileOf({ root }: InstallationPlaces): string {
  return path.join(root, ".trial.json");
}
