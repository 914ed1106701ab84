import { sha256Hex } from "@umbel/protocol";
import { z } from "zod";
import type { WantedFile } from "../download/download-files.js";
import { partNames, splitName } from "../gguf/split-name.js";
import { buildName } from "./build-name.js";
import { readJsonFrom } from "./read-json.js";
import { SourceError } from "./source-error.js";
import type { WantedBuild } from "./wanted-build.js";

const entry = z.object({
  type: z.string(),
  path: z.string().max(1024),
  size: z.number().int().nonnegative(),
  /** Of large files, which models are: the SHA-256 of the contents. */
  lfs: z.object({ oid: sha256Hex, size: z.number().int().nonnegative() }).optional(),
});
type Entry = z.infer<typeof entry>;
const revisionInfo = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });

/** Answers of a listing that are read: a repository has a few hundred files. */
const pages_max = 20;
const choices_max = 100;

export const HUGGING_FACE_URL = "https://huggingface.co";

export interface HuggingFaceOptions {
  readonly fetch: typeof fetch;
  /** Another server that speaks the same: a mirror. */
  readonly baseUrl: string;
  /** Of an account that may read what not everybody may. */
  readonly token?: string;
}

/**
 * Finds a model in a repository of the Hugging Face hub, at the commit that its revision stands for now, with the hashes that the hub states.
 *
 * @param file path of a file, or a part of the name that fits one model only; absent where the repository has only one
 * @throws SourceError, `ambiguous` with the choices
 */
export async function findOnHuggingFace(
  wanted: { readonly repository: string; readonly revision: string; readonly file: string | undefined },
  { fetch: fetchIt, baseUrl, token }: HuggingFaceOptions,
  signal: AbortSignal,
): Promise<WantedBuild> {
  const { repository, revision, file } = wanted;
  const base = baseUrl.replace(/\/+$/, "");
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const read = (url: string) => readJsonFrom(url, fetchIt, signal, headers);
  const info = revisionInfo.safeParse((await read(`${base}/api/models/${repository}/revision/${encodeURIComponent(revision)}`)).body);
  if (!info.success) throw new SourceError("malformed", `the hub does not say which commit ${revision} of ${repository} is`);
  const commit = info.data.sha;
  const models = (await listFiles(`${base}/api/models/${repository}/tree/${commit}?recursive=true`, read)).filter(({ path }) =>
    isModel(path),
  );
  const files = choose(models, repository, file);
  return {
    id: buildName(files[0]?.path ?? repository),
    origin: { kind: "hugging_face", repository, revision: commit },
    headers,
    files: files.map((found) => wantedFile(found, `${base}/${repository}/resolve/${commit}`)),
  };
}

async function listFiles(first: string, read: (url: string) => ReturnType<typeof readJsonFrom>): Promise<Entry[]> {
  const found: Entry[] = [];
  let url: string | undefined = first;
  for (let page = 0; url !== undefined && page < pages_max; page++) {
    const { body, headers }: Awaited<ReturnType<typeof readJsonFrom>> = await read(url);
    const entries = z.array(entry).safeParse(body);
    if (!entries.success) throw new SourceError("malformed", "the hub lists files in a form that this version does not read");
    found.push(...entries.data);
    const next: string | undefined = /<([^>]+)>;\s*rel="next"/.exec(headers.get("link") ?? "")?.[1];
    // The token goes to the hub only, whatever it says is next.
    url =
      next !== undefined && URL.canParse(next, first) && new URL(next, first).origin === new URL(first).origin
        ? new URL(next, first).href
        : undefined;
  }
  return found;
}

function isModel(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return /\.gguf$/i.test(name) && !/^(?:mmproj|adapter)/i.test(name);
}

/** All files of the one model that is meant. */
function choose(models: readonly Entry[], repository: string, file: string | undefined): Entry[] {
  const byName = new Map(models.map((model) => [model.path, model]));
  const heads = models.filter(({ path }) => (splitName(path)?.part ?? 1) === 1);
  if (heads.length === 0)
    throw new SourceError("no_model", `${repository} has no GGUF file; look for a repository whose name ends with -GGUF`);
  const exact = file === undefined ? undefined : byName.get(file);
  const fitting =
    exact !== undefined ? [exact] : heads.filter(({ path }) => file === undefined || path.toLowerCase().includes(file.toLowerCase()));
  const choices = (fitting.length === 0 ? heads : fitting).map(({ path }) => path).slice(0, choices_max);
  const [only] = fitting;
  if (only === undefined) throw new SourceError("not_found", `${repository} has no file "${file}"`, { choices });
  if (fitting.length > 1) throw new SourceError("ambiguous", `${repository} has ${fitting.length} models that could be meant`, { choices });
  const split = splitName(only.path);
  return (split === undefined ? [only.path] : partNames(split)).map((path) => {
    const part = byName.get(path);
    if (part === undefined) throw new SourceError("no_model", `${repository} lacks ${path}, a part of the model`);
    return part;
  });
}

function wantedFile({ path, size, lfs }: Entry, base: string): WantedFile {
  const url = `${base}/${path.split("/").map(encodeURIComponent).join("/")}`;
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { path: name, size_bytes: lfs?.size ?? size, ...(lfs === undefined ? {} : { sha256: lfs.oid }), urls: [url] };
}
