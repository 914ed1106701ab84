import { assertSafePath, ManifestError, type ReleaseClaims } from "@umbel/protocol";
import * as tar from "tar";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readBundleFiles } from "./bundle-files.js";

const FILES: readonly string[] = ["File", "OldFile", "ContiguousFile"];

/**
 * Unpacks the archive of a release into an empty folder and checks that it holds what was signed, and nothing else: plain files and
 * folders, below the folder, no more and no larger than they were said to be.
 *
 * @throws CliError (verification)
 */
export async function unpackRelease(archive: string, into: string, claims: ReleaseClaims): Promise<void> {
  let problem: string | undefined;
  let [count, size_bytes] = [0, 0];
  await tar.extract({
    ...{ file: archive, cwd: into, strict: true, preserveOwner: false, preservePaths: false, noMtime: true },
    filter(name, entry) {
      if (problem !== undefined) return false;
      if (!("type" in entry)) return false;
      const isFolder = entry.type === "Directory";
      count += isFolder ? 0 : 1;
      size_bytes += entry.size;
      if (!isFolder && !FILES.includes(entry.type)) problem = `${name} is neither a file nor a folder`;
      else if (!isSafe(isFolder ? name.replace(/\/+$/, "") : name)) problem = `${name} would leave the folder`;
      else if (count > claims.file_count || size_bytes > claims.unpacked_bytes) problem = "it holds more than was signed";
      return problem === undefined;
    },
  });
  if (problem !== undefined) throw refusal(problem);
  await assertWhole(into, claims);
}

/** A folder must hold what was signed, and nothing else. @throws CliError (verification) */
export async function assertWhole(folder: string, claims: ReleaseClaims): Promise<void> {
  const found = await readBundleFiles(folder);
  const isWhole =
    found.files_sha256 === claims.files_sha256 && found.file_count === claims.file_count && found.unpacked_bytes === claims.unpacked_bytes;
  if (!isWhole) throw refusal("its files are not those that were signed");
}

function isSafe(name: string): boolean {
  if (name === "" || name === ".") return true;
  try {
    assertSafePath(name);
    return true;
  } catch (error) {
    if (error instanceof ManifestError) return false;
    throw error;
  }
}

function refusal(why: string): CliError {
  return new CliError(`The archive of the release is refused: ${why}.`, EXIT_CODES.verification, "Tell whoever makes the releases.");
}
