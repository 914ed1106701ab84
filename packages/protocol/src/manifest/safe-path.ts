import { utf8 } from "../bytes.js";
import { ManifestError } from "./errors.js";

/** Longest path and segment. File systems allow 255 bytes a segment. */
const path_chars_max = 1024;
const segment_bytes_max = 255;

const forbiddenCharacter = /[\\:\p{Cc}\p{Cs}]/u;
/** Names that Windows gives to devices, with any extension. */
const windowsDevice = /^(?:con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$)(?:\.|$)/i;
/** Windows drops these, so two names would become one. */
const droppedEnding = /[. ]$/;

/**
 * Checks that a manifest's path stays inside its directory and means the same file on every operating system (catalog.md §2.3).
 *
 * @param path relative path with `/`
 * @throws ManifestError `unsafe_path`
 */
export function assertSafePath(path: string): void {
  const isSafe = path.length <= path_chars_max && !forbiddenCharacter.test(path) && path.split("/").every(isSafeSegment);
  if (!isSafe) throw new ManifestError("unsafe_path", path);
}

function isSafeSegment(segment: string): boolean {
  if (segment === "" || droppedEnding.test(segment) || windowsDevice.test(segment)) return false;
  return utf8(segment).length <= segment_bytes_max;
}

/**
 * Checks that no two paths name one file, or one a directory above the other, where case and Unicode form do not count (macOS, Windows).
 *
 * @throws ManifestError `colliding_paths`, naming the later path
 */
export function assertDistinctPaths(paths: readonly string[]): void {
  const files = new Set<string>();
  const directories = new Set<string>();
  for (const path of paths) {
    const folded = fold(path);
    const parents = parentsOf(folded);
    if (files.has(folded) || directories.has(folded) || parents.some((parent) => files.has(parent))) {
      throw new ManifestError("colliding_paths", path);
    }
    files.add(folded);
    for (const parent of parents) directories.add(parent);
  }
}

/** Upper case first: it expands letters such as `ß`, which lower case alone leaves apart from `SS`. */
function fold(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

function parentsOf(path: string): string[] {
  const segments = path.split("/");
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join("/"));
}
