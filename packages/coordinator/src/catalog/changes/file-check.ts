import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileUrls, type Manifest, type ManifestFile } from "@umbel/protocol";
import type { BlobStore } from "../blob-store.js";
import type { FileSources } from "../types.js";

/** Files below this are read and hashed, of larger ones only the size is asked for. Source: catalog.md §5. */
export const HASHED_bytes_max = 32 * 1024 * 1024;
const WORKERS = 8;
const ANSWER_TIMEOUT_ms = 30_000;
/** Addresses of registered files are absolute, so that nothing is at this one. */
const NOWHERE = "https://nowhere.invalid";

/** A file that no machine could fetch as the manifest says. */
export interface FileProblem {
  readonly path: string;
  readonly problem: string;
}

/** Whether the files of a version can be had, before it is registered. @returns the first problem of each file that has one */
export type FileCheck = (manifest: Manifest, sources: FileSources) => Promise<readonly FileProblem[]>;

/** @param origins where the files of every build are, besides the version's own sources and the coordinator itself */
export function createFileCheck({
  blobs,
  origins,
  fetch: ask = fetch,
}: {
  readonly blobs: BlobStore;
  readonly origins: readonly string[];
  readonly fetch?: typeof fetch;
}): FileCheck {
  async function problemOf(manifest: Manifest, sources: FileSources, file: ManifestFile): Promise<string | undefined> {
    const location = await blobs.locate(manifest, file);
    if (location !== undefined) return isHashed(file) ? hashProblem(file, createReadStream(location)) : undefined;
    const { prefix } = manifest;
    const addresses = { prefix, origins: [...sources.origins, ...origins], file_urls: asLists(sources.fileUrls) };
    const urls = fileUrls(addresses, file.path, NOWHERE);
    let problem = "there is no place to fetch it from";
    for (const url of urls) {
      const found = await problemAt(url, file, ask);
      if (found === undefined) return undefined;
      problem = found;
    }
    return problem;
  }

  return async (manifest, sources) => {
    const left = [...manifest.files];
    const problems: FileProblem[] = [];
    const work = async (): Promise<void> => {
      for (let file = left.shift(); file !== undefined; file = left.shift()) {
        const problem = await problemOf(manifest, sources, file);
        if (problem !== undefined) problems.push({ path: file.path, problem });
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    return problems;
  };
}

async function problemAt(url: string, file: ManifestFile, ask: typeof fetch): Promise<string | undefined> {
  const { host } = new URL(url);
  const method = isHashed(file) ? "GET" : "HEAD";
  try {
    const response = await ask(url, { method, signal: AbortSignal.timeout(ANSWER_TIMEOUT_ms) });
    if (!response.ok) return `${host} answers with status ${response.status}`;
    const length = response.headers.get("content-length");
    if (length !== null && response.headers.get("content-encoding") === null && Number(length) !== file.size_bytes) {
      await response.body?.cancel();
      return `${host} has ${length} bytes, the manifest says ${file.size_bytes}`;
    }
    return method === "GET" ? await hashProblem(file, response.body ?? []) : undefined;
  } catch {
    // Whatever went wrong on the way, a machine would fare no better.
    return `${host} does not answer in time`;
  }
}

async function hashProblem(file: ManifestFile, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string | undefined> {
  const hash = createHash("sha256");
  let read_bytes = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    read_bytes += chunk.length;
    if (read_bytes > file.size_bytes) return `it has more than the ${file.size_bytes} bytes of the manifest`;
  }
  return hash.digest("hex") === file.sha256 ? undefined : "its content has another SHA-256 than the manifest says";
}

function isHashed({ size_bytes }: ManifestFile): boolean {
  return size_bytes < HASHED_bytes_max;
}

function asLists(urls: FileSources["fileUrls"]): Record<string, string[]> {
  return Object.fromEntries(Object.entries(urls).map(([path, addresses]) => [path, [...addresses]]));
}
