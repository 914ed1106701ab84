import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Clock, ReleaseClaims } from "@umbel/protocol";
import { DownloadError, type DownloadProgress, downloadFiles, publishFolder, removeFolder, unlimitedBandwidth } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readBundleFiles } from "./bundle-files.js";
import { COMPILED, ENTRY, type InstallationPlaces, OWN_NODE } from "./layout.js";
import { assertWhole, unpackRelease } from "./unpack.js";

/** How long a version may take to say which it is. */
const PROBE_ms = 30_000;
const CONNECTIONS = 4;
const ARCHIVE = "release.tar.gz";

/**
 * Brings a release's version into an installation, beside those that are there: fetched (going on from an earlier try), verified, unpacked,
 * asked which version it is, and only then moved to its place in one step. What runs is not touched.
 *
 * @throws CliError; DownloadError; the signal's reason
 */
export async function stageRelease(
  places: InstallationPlaces,
  claims: ReleaseClaims,
  options: {
    readonly url: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: DownloadProgress) => void;
  },
): Promise<void> {
  const target = path.join(places.versions, claims.version);
  if (await isThere(target, claims)) return;
  const { url, clock, signal, onProgress } = options;
  const fetched = path.join(places.staging, claims.bundle_sha256);
  const transport = { fetch, clock, bandwidth: unlimitedBandwidth };
  const wanted = { path: ARCHIVE, size_bytes: claims.bundle_bytes, sha256: claims.bundle_sha256, urls: [url] };
  await downloadFiles(fetched, [wanted], { transport, signal, connections: CONNECTIONS, onProgress }).catch(explain);
  const unpacked = path.join(places.staging, `${claims.version}.unpacked`);
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked, { recursive: true });
  try {
    await unpackRelease(path.join(fetched, ARCHIVE), unpacked, claims);
    await assertRuns(unpacked, claims.version);
    await publishFolder(places, unpacked, target);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
  await rm(fetched, { recursive: true, force: true });
}

/**
 * As `stageRelease`, for a release that lies unpacked on the same file system already.
 *
 * @throws CliError
 */
export async function adoptUnpacked(places: InstallationPlaces, claims: ReleaseClaims, unpacked: string): Promise<void> {
  const target = path.join(places.versions, claims.version);
  if (await isThere(target, claims)) return;
  await assertWhole(unpacked, claims);
  await assertRuns(unpacked, claims.version);
  const folder = path.join(places.staging, `${claims.version}.unpacked`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(places.staging, { recursive: true });
  // Windows moves no folder that a program runs from, and this one may.
  if (process.platform === "win32") await cp(unpacked, folder, { recursive: true });
  await publishFolder(places, process.platform === "win32" ? folder : unpacked, target);
}

/** An update that ended between its two steps has left the version; one that was damaged since is fetched again. */
async function isThere(target: string, { files_sha256 }: ReleaseClaims): Promise<boolean> {
  if (!existsSync(path.join(target, ENTRY))) return false;
  await rm(path.join(target, COMPILED), { recursive: true, force: true });
  return (await readBundleFiles(target)).files_sha256 === files_sha256;
}

/** Takes versions away that are neither run nor gone back to. */
export async function removeOtherVersions(places: InstallationPlaces, kept: readonly (string | null)[]): Promise<void> {
  for (const version of await readdir(places.versions)) {
    if (!kept.includes(version)) await removeFolder(places, path.join(places.versions, version));
  }
}

/** A program that cannot even say what it is must not take the place of one that works. */
async function assertRuns(folder: string, version: string): Promise<void> {
  const own = path.join(folder, OWN_NODE);
  const node = existsSync(own) ? own : process.execPath;
  const said = await promisify(execFile)(node, [path.join(folder, ENTRY), "--version"], { timeout: PROBE_ms }).catch((cause: unknown) => {
    throw new CliError(
      `Release ${version} does not start on this machine; nothing was changed.`,
      EXIT_CODES.update,
      `It may need another Node than ${process.version}: see its changelog.`,
      { cause },
    );
  });
  if (said.stdout.trim() === version) return;
  throw new CliError(
    `What was fetched as ${version} calls itself ${said.stdout.trim()}.`,
    EXIT_CODES.verification,
    "Tell whoever makes the releases.",
  );
}

const CODES: Partial<Record<DownloadError["code"], CliError["exitCode"]>> = {
  hash_mismatch: EXIT_CODES.verification,
  size_mismatch: EXIT_CODES.verification,
  no_space: EXIT_CODES.hardware,
  disk: EXIT_CODES.hardware,
};

function explain(error: unknown): never {
  if (!(error instanceof DownloadError)) throw error;
  const remedy = error.code === "no_space" ? "Make room on the disk." : "What has come is kept: the next update goes on from there.";
  throw new CliError(`The release was not fetched: ${error.message}.`, CODES[error.code] ?? EXIT_CODES.network, remedy, { cause: error });
}
