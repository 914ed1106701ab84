import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Clock, fileUrls, type Manifest, type ManifestFile } from "@umbel/protocol";
import type { BlobStore } from "../blob-store.js";
import type { FileSources } from "../types.js";

/** Files below this are read and hashed, of larger ones only the size is asked for. Source: catalog.md §5. */
export const HASHED_bytes_max = 32 * 1024 * 1024;
const WORKERS = 8;
const ANSWER_TIMEOUT_ms = 30_000;
/** Of files of any size: a server that sends nothing for so long has stopped. */
const STALL_ms = 60_000;
/** Addresses of registered files are absolute, so that nothing is at this one. */
const NOWHERE = "https://nowhere.invalid";

/** A file that no machine could fetch as the manifest says. */
export interface FileProblem {
  readonly path: string;
  readonly problem: string;
}

/** Whether the files of a version can be had. @returns the first problem of each file that has one */
export type FileCheck = (manifest: Manifest, sources: FileSources, signal?: AbortSignal) => Promise<readonly FileProblem[]>;

/** Files that are read and hashed; of others only the size is asked for. */
type Depth = "small_files" | "all_files";

/**
 * @param options.origins where the files of every build are, besides the version's own sources and the coordinator itself
 * @param options.depth `all_files` reads for as long as bytes come, one file after another; default `small_files`
 */
export function createFileCheck({
  blobs,
  origins,
  clock,
  depth = "small_files",
  fetch: ask = fetch,
}: {
  readonly blobs: BlobStore;
  readonly origins: readonly string[];
  readonly clock: Clock;
  readonly depth?: Depth;
  readonly fetch?: typeof fetch;
}): FileCheck {
  const isHashed = ({ size_bytes }: ManifestFile): boolean => depth === "all_files" || size_bytes < HASHED_bytes_max;

  async function problemOf(
    manifest: Manifest,
    sources: FileSources,
    file: ManifestFile,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const location = await blobs.locate(manifest, file);
    if (location !== undefined) return isHashed(file) ? hashProblem(file, createReadStream(location, { signal })) : undefined;
    const { prefix } = manifest;
    const addresses = { prefix, origins: [...sources.origins, ...origins], file_urls: asLists(sources.fileUrls) };
    const urls = fileUrls(addresses, file.path, NOWHERE);
    let problem = "there is no place to fetch it from";
    for (const url of urls) {
      const patience = createPatience(clock, depth === "all_files" ? STALL_ms : undefined, signal);
      const found = await problemAt(url, file, { ask, isHashed: isHashed(file), patience });
      if (found === undefined) return undefined;
      problem = found;
    }
    return problem;
  }

  return async (manifest, sources, signal) => {
    const left = [...manifest.files];
    const problems: FileProblem[] = [];
    const work = async (): Promise<void> => {
      for (let file = left.shift(); file !== undefined; file = left.shift()) {
        const problem = await problemOf(manifest, sources, file, signal);
        if (problem !== undefined) problems.push({ path: file.path, problem });
      }
    };
    await Promise.all(Array.from({ length: depth === "all_files" ? 1 : WORKERS }, work));
    return problems;
  };
}

/** Ends an answer that takes too long: as a whole, or, with a stall, since its last bytes. */
interface Patience {
  readonly signal: AbortSignal;
  /** Bytes have come. */
  renew(): void;
  end(): void;
}

function createPatience(clock: Clock, stall_ms: number | undefined, outer: AbortSignal | undefined): Patience {
  const stop = new AbortController();
  const start = (delay_ms: number) => clock.setTimer(delay_ms, () => stop.abort(new Error("no answer in time")));
  let cancel = start(ANSWER_TIMEOUT_ms);
  return {
    signal: outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]),
    renew() {
      if (stall_ms === undefined) return;
      cancel();
      cancel = start(stall_ms);
    },
    end: () => cancel(),
  };
}

async function problemAt(
  url: string,
  file: ManifestFile,
  { ask, isHashed, patience }: { readonly ask: typeof fetch; readonly isHashed: boolean; readonly patience: Patience },
): Promise<string | undefined> {
  const { host } = new URL(url);
  try {
    const response = await ask(url, { method: isHashed ? "GET" : "HEAD", signal: patience.signal });
    if (!response.ok) return `${host} answers with status ${response.status}`;
    const length = response.headers.get("content-length");
    if (length !== null && response.headers.get("content-encoding") === null && Number(length) !== file.size_bytes) {
      await response.body?.cancel();
      return `${host} has ${length} bytes, the manifest says ${file.size_bytes}`;
    }
    return isHashed ? await hashProblem(file, response.body ?? [], patience.renew) : undefined;
  } catch {
    // Whatever went wrong on the way, a machine would fare no better.
    return `${host} does not answer in time`;
  } finally {
    patience.end();
  }
}

async function hashProblem(
  file: ManifestFile,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onBytes: () => void = () => undefined,
): Promise<string | undefined> {
  const hash = createHash("sha256");
  let read_bytes = 0;
  for await (const chunk of bytes) {
    onBytes();
    hash.update(chunk);
    read_bytes += chunk.length;
    if (read_bytes > file.size_bytes) return `it has more than the ${file.size_bytes} bytes of the manifest`;
  }
  return hash.digest("hex") === file.sha256 ? undefined : "its content has another SHA-256 than the manifest says";
}

function asLists(urls: FileSources["fileUrls"]): Record<string, string[]> {
  return Object.fromEntries(Object.entries(urls).map(([path, addresses]) => [path, [...addresses]]));
}
