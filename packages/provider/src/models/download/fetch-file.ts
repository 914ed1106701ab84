import { rm } from "node:fs/promises";
import { DownloadError, shownAddress } from "./download-error.js";
import { fetchRange, TransferError, type Transport } from "./fetch-range.js";
import { DOWNLOAD_LIMITS } from "./limits.js";
import { type FileAbout, PartFile, type PartWriter } from "./part-file.js";
import { wait } from "./wait.js";

export interface FileRequest extends FileAbout {
  /** Where the file is to be. */
  readonly file: string;
  /** Where it may be fetched, the first to be tried first. */
  readonly urls: readonly string[];
}

export interface FetchOptions {
  readonly transport: Transport;
  readonly signal: AbortSignal;
  /** Requests at once. */
  readonly connections: number;
  readonly part_bytes?: number;
  /** Told how many bytes of the file there are, whenever there are more, or fewer because what came was of no use. */
  readonly onProgress?: (done_bytes: number) => void;
}

/**
 * Fetches one file in parts, several at once, going on from what an earlier call has left behind; verifies it and puts it in its place.
 * Whatever ends it early, what has come stays for the next call.
 *
 * @returns SHA-256 of the file
 * @throws DownloadError; the signal's reason
 */
export async function fetchFile(request: FileRequest, options: FetchOptions): Promise<string> {
  const { file, urls, size_bytes, sha256, parts } = request;
  if (urls.length === 0) throw new DownloadError("not_found", "there is no place to fetch from");
  const about: FileAbout = { size_bytes, ...(sha256 !== undefined && { sha256 }), ...(parts !== undefined && { parts }) };
  const part_bytes = parts?.size_bytes ?? options.part_bytes ?? DOWNLOAD_LIMITS.part_bytes;
  let mode: Mode = { part_bytes, connections: options.connections };
  let part = await onDisk(() => PartFile.open(file, about, mode.part_bytes));
  try {
    for (let round = 0; round < DOWNLOAD_LIMITS.attempts_max; round++) {
      const outcome = await fetchParts(part, rotated(urls, round), size_bytes, mode, options);
      if (outcome === "no_ranges") {
        await part.close();
        mode = { part_bytes: Math.max(size_bytes, 1), connections: 1 };
        part = await onDisk(() => PartFile.open(file, about, mode.part_bytes));
      } else if (outcome === "changed") {
        await onDisk(() => part.reset());
      } else {
        const found = await part.sha256(options.signal);
        if (sha256 === undefined || found === sha256) {
          await onDisk(() => part.finish());
          return found;
        }
        // Bytes that the disk has lost are fetched again; if all are as they came, then what came was wrong.
        if ((await onDisk(() => part.dropDamaged())) === 0) await onDisk(() => part.reset());
      }
      options.onProgress?.(part.done_bytes);
    }
  } catch (error) {
    await part.close().catch(() => undefined);
    throw error;
  }
  await part.close();
  await rm(`${file}.part`, { force: true });
  await rm(`${file}.part.journal`, { force: true });
  throw new DownloadError("hash_mismatch", "what was fetched is not what was to be fetched, however often it was tried");
}

interface Mode {
  readonly part_bytes: number;
  readonly connections: number;
}

/** Several lanes take parts until there are none. The first that gives up stops the others. */
async function fetchParts(
  part: PartFile,
  urls: readonly string[],
  size_bytes: number,
  { connections }: Mode,
  options: FetchOptions,
): Promise<"complete" | "changed" | "no_ranges"> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let done_bytes = part.done_bytes;
  options.onProgress?.(done_bytes);
  const onBytes = (bytes: number): void => {
    done_bytes += bytes;
    options.onProgress?.(done_bytes);
  };
  const lanes = Array.from({ length: Math.min(connections, DOWNLOAD_LIMITS.connections_max) }, async () => {
    try {
      const lane = new Lane(part, urls, size_bytes, options.transport, signal, onBytes);
      await lane.run();
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(lanes);
  options.signal.throwIfAborted();
  if (!stop.signal.aborted) return "complete";
  const { reason } = stop.signal;
  if (reason instanceof TransferError && (reason.kind === "changed" || reason.kind === "no_ranges")) return reason.kind;
  throw reason;
}

/** One connection's work: part after part, try after try, from one address after the other. */
class Lane {
  readonly #part: PartFile;
  readonly #urls: readonly string[];
  readonly #size_bytes: number;
  readonly #transport: Transport;
  readonly #signal: AbortSignal;
  readonly #onBytes: (bytes: number) => void;
  readonly #gone = new Map<string, TransferError>();
  #failures = 0;
  #wrong = 0;
  #turn = 0;

  constructor(
    part: PartFile,
    urls: readonly string[],
    size_bytes: number,
    transport: Transport,
    signal: AbortSignal,
    onBytes: (bytes: number) => void,
  ) {
    this.#part = part;
    this.#urls = urls;
    this.#size_bytes = size_bytes;
    this.#transport = transport;
    this.#signal = signal;
    this.#onBytes = onBytes;
  }

  async run(): Promise<void> {
    for (;;) {
      const writer = await onDisk(() => this.#part.take());
      if (writer === undefined) return;
      let [url, wrong_bytes] = ["", 0];
      try {
        while (writer.next < writer.end) url = await this.#try(writer);
      } finally {
        wrong_bytes = await onDisk(() => writer.release());
      }
      if (wrong_bytes > 0) this.#again(url, wrong_bytes);
    }
  }

  /** A part came whole and is not what it should be: it alone is fetched again, from the next place if there is one. */
  #again(url: string, wrong_bytes: number): void {
    this.#onBytes(-wrong_bytes);
    this.#wrong++;
    this.#turn++;
    if (this.#wrong < DOWNLOAD_LIMITS.attempts_max * new Set(this.#urls).size) return;
    const words = `a part that comes from ${shownAddress(url)} is not what it should be, however often it was fetched`;
    throw new DownloadError("hash_mismatch", words);
  }

  /** @returns where the bytes came from */
  async #try(writer: PartWriter): Promise<string> {
    const before = writer.next;
    const url = this.#nextUrl();
    const { end } = writer;
    const etag = this.#part.etagOf(url);
    try {
      await fetchRange(
        { url, start: before, end, size_bytes: this.#size_bytes, etag },
        this.#transport,
        this.#signal,
        async (seen) => {
          const known = this.#part.etagOf(url);
          if (known === undefined) await onDisk(() => this.#part.setEtag(url, seen));
          else if (known !== seen) throw new TransferError("changed", "the file changed while it was fetched");
        },
        async (bytes) => {
          await onDisk(() => writer.write(bytes));
          this.#onBytes(bytes.length);
        },
      );
      this.#failures = 0;
    } catch (error) {
      if (!(error instanceof TransferError) || error.kind === "changed" || error.kind === "no_ranges") throw error;
      await this.#recover(error, url, writer.next > before);
    }
    return url;
  }

  async #recover(error: TransferError, url: string, hasProgress: boolean): Promise<void> {
    if (error.kind === "gone") {
      this.#gone.set(url, error);
      if (this.#gone.size < new Set(this.#urls).size) return;
      throw new DownloadError(isOtherSize(error) ? "size_mismatch" : "not_found", error.message, { cause: error });
    }
    this.#turn++;
    this.#failures = hasProgress ? 0 : this.#failures + 1;
    if (this.#failures >= DOWNLOAD_LIMITS.attempts_max) throw new DownloadError("unreachable", error.message, { cause: error });
    const waits = DOWNLOAD_LIMITS.waits_ms;
    const usual_ms = waits[Math.min(Math.max(this.#failures - 1, 0), waits.length - 1)] ?? 0;
    await wait(this.#transport.clock, error.retryAfter_ms ?? usual_ms, this.#signal);
  }

  #nextUrl(): string {
    const left = this.#urls.filter((url) => !this.#gone.has(url));
    const url = left[this.#turn % Math.max(left.length, 1)];
    if (url === undefined) throw new DownloadError("not_found", "there is no place to fetch from");
    return url;
  }
}

function isOtherSize({ message }: TransferError): boolean {
  return message.includes("of another size");
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const shift = by % items.length;
  return [...items.slice(shift), ...items.slice(0, shift)];
}

/** Runs a step on the disk; what fails there fails the download and is not tried again. */
async function onDisk<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw asDiskError(error);
  }
}

/** @returns the failure in the words of a download, if it is one of the disk */
export function asDiskError(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return error;
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
  return new DownloadError(isFull ? "no_space" : "disk", isFull ? "the disk is full" : `the disk refuses (${String(error.code)})`, {
    cause: error,
  });
}
