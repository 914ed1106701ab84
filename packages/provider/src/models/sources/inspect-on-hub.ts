import { createHash } from "node:crypto";
import { type GgufInspection, inspectParts } from "../gguf/inspect-gguf.js";
import { urlSource } from "../gguf/url-source.js";
import { findOnHuggingFace, HUGGING_FACE_URL } from "./hugging-face-source.js";
import { parseModelReference } from "./model-reference.js";
import { SourceError } from "./source-error.js";
import type { WantedBuild } from "./wanted-build.js";

/** Files for which the hub states no hash are small: larger ones have to be kept so that it does. */
const HASHED_HERE_bytes_max = 32 * 1024 * 1024;

/** A model of a hub, described without fetching its weights. */
export interface HubModel {
  /** After its file. */
  readonly id: string;
  readonly repository: string;
  /** The commit that was looked at, which never changes. */
  readonly commit: string;
  readonly files: readonly { readonly path: string; readonly size_bytes: number; readonly sha256: string; readonly url: string }[];
  readonly found: GgufInspection;
}

/**
 * Looks at a model where it lies: its files with the hashes that the hub states, and what their headers say.
 *
 * @param reference `hf:org/repo[@revision][:file]`
 * @throws SourceError; GgufError for files that are no model
 */
export async function inspectOnHub(
  reference: string,
  options: { readonly fetch: typeof fetch; readonly baseUrl?: string; readonly token?: string; readonly signal: AbortSignal },
): Promise<HubModel> {
  const wanted = parseModelReference(reference);
  if (wanted.kind !== "hugging_face") throw new SourceError("bad_reference", `"${reference}" is not of the form hf:org/repo[:file.gguf]`);
  const { fetch: ask, baseUrl = HUGGING_FACE_URL, token, signal } = options;
  const build = await findOnHuggingFace(wanted, { fetch: ask, baseUrl, ...(token === undefined ? {} : { token }) }, signal);
  const headers = build.headers ?? {};
  const files = await Promise.all(build.files.map((file) => statedFile(file, ask, { headers, signal })));
  const found = await inspectParts(
    files.map(({ path }) => path),
    (name, task) => {
      const file = files.find(({ path }) => path === name) ?? { url: "", size_bytes: 0 };
      return task(urlSource(file, ask, { headers, signal }));
    },
  );
  const commit = build.origin.kind === "hugging_face" ? build.origin.revision : "";
  return { id: build.id, repository: wanted.repository, commit, files, found: { ...found, projectors: [] } };
}

async function statedFile(
  { path, size_bytes, sha256, urls: [url = ""] }: WantedBuild["files"][number],
  ask: typeof fetch,
  how: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<HubModel["files"][number]> {
  if (sha256 !== undefined) return { path, size_bytes, sha256, url };
  if (size_bytes > HASHED_HERE_bytes_max) throw new SourceError("malformed", `the hub does not say which hash ${path} has`);
  const answer = await ask(url, how);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (!answer.ok || bytes.length !== size_bytes) throw new SourceError("unreachable", `${path} could not be read from the hub`);
  return { path, size_bytes, sha256: createHash("sha256").update(bytes).digest("hex"), url };
}
