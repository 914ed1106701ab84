import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type DeviceKey, type DeviceKeyPair, ManifestError, RELEASE_VERSION, signClaims } from "@umbel/protocol";
import * as tar from "tar";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { type BundleFiles, readBundleFiles, sha256Of } from "../update/bundle-files.js";
import { ENTRY, LAUNCHER_SOURCE, MANIFEST, NODE_OF } from "../update/layout.js";
import type { PackedRelease } from "./packed-release.js";

/** Every archive of the same files has the same bytes. */
const TIME_OF_FILES = new Date("2000-01-01T00:00:00Z");

/**
 * Makes the archive of a release from a folder, and signs what it is.
 *
 * @param options.archive where the archive is to be
 * @throws CliError for a folder that is no Umbel
 */
export async function packRelease(
  directory: string,
  options: {
    readonly archive: string;
    readonly platform: string;
    readonly channel: string;
    readonly key: DeviceKeyPair;
    /** Who may sign from the next release on. */
    readonly nextKeys: readonly DeviceKey[];
    readonly at: Date;
  },
): Promise<PackedRelease> {
  const version = await versionIn(directory);
  const { paths, ...files } = await filesIn(directory);
  await tar.create({ cwd: directory, file: options.archive, gzip: true, portable: true, mtime: TIME_OF_FILES }, [...paths]);
  const bundle_sha256 = await sha256Of(options.archive);
  const { platform, channel } = options;
  const signature = await signClaims(options.key, "release", {
    ...{ version, platform, channel, bundle_sha256, bundle_bytes: (await stat(options.archive)).size, ...files },
    brings_node: Object.values(NODE_OF).some((place) => paths.includes(place)),
    next_keys: [...options.nextKeys],
    signed_at: options.at.toISOString(),
  });
  return { version, platform, channel, bundle_hash: bundle_sha256, binary_hash: files.files_sha256, signature };
}

async function versionIn(directory: string): Promise<string> {
  try {
    for (const needed of [ENTRY, LAUNCHER_SOURCE]) await stat(path.join(directory, needed));
    const manifest = z.object({ version: z.string().regex(RELEASE_VERSION) });
    return manifest.parse(JSON.parse(await readFile(path.join(directory, MANIFEST), "utf8"))).version;
  } catch (cause) {
    throw new CliError(
      `${directory} does not hold the program: ${ENTRY} with its package.json.`,
      EXIT_CODES.usage,
      "Assemble it first: node tools/assemble-release.mjs <directory>.",
      { cause },
    );
  }
}

async function filesIn(directory: string): Promise<BundleFiles> {
  try {
    return await readBundleFiles(directory);
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof ManifestError)) throw cause;
    const what = cause instanceof ManifestError ? `${cause.path} is a name that some systems do not have` : cause.message;
    throw new CliError(`${what}.`, EXIT_CODES.usage, "A release holds plain files and folders only.", { cause });
  }
}
