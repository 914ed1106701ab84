import { toHex, utf8 } from "../bytes.js";
import { sha256 } from "../hash.js";
import { ManifestError } from "./errors.js";

const modelIdAlphabet = /^[0-9A-Za-z._/-]+$/;
const versionAlphabet = /^[0-9A-Za-z._-]+$/;
const idHash_chars = 12;

/**
 * Where the files of a version lie: `v2/<slug>--<first 12 hex digits of SHA-256(model id)>/<version>` (catalog.md §3). Derived, never
 * chosen; the hash keeps two ids with the same slug apart.
 *
 * @throws ManifestError `invalid_model_id`, `invalid_version`
 */
export function manifestPrefix(modelId: string, version: string): string {
  if (!modelIdAlphabet.test(modelId) || modelId.startsWith("/") || modelId.includes("..")) throw new ManifestError("invalid_model_id");
  if (!versionAlphabet.test(version) || version.includes("..") || version === ".") throw new ManifestError("invalid_version");
  const hash = toHex(sha256(utf8(modelId))).slice(0, idHash_chars);
  return `v2/${slugOf(modelId)}--${hash}/${version}`;
}

function slugOf(modelId: string): string {
  const slug = modelId.replaceAll("/", "-").replace(/^-+|-+$/g, "");
  return slug === "" ? "model" : slug;
}
