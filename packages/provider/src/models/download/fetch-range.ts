import type { Clock } from "@umbel/protocol";
import type { Bandwidth } from "./bandwidth.js";
import { DownloadError, shownAddress } from "./download-error.js";
import { DOWNLOAD_LIMITS } from "./limits.js";

/** What fetching leans on. */
export interface Transport {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly bandwidth: Bandwidth;
  /** Sent to the address itself, not to where it redirects: a token, say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A try that failed in a way that another one may not. */
export class TransferError extends Error {
  override readonly name = "TransferError";
  constructor(
    /** `changed`: another version of the file; `no_ranges`: the server sends the whole file only; `gone`: not at this address. */
    readonly kind: "failed" | "changed" | "no_ranges" | "gone",
    message: string,
    readonly retryAfter_ms?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface RangeRequest {
  readonly url: string;
  /** First byte, and the first one after the last. */
  readonly start: number;
  readonly end: number;
  readonly size_bytes: number;
  /** What the server called the file when its first bytes came. */
  readonly etag: string | undefined;
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Asks for a range of a file and hands on its bytes as they come.
 *
 * @param onEtag told how the server calls this version, before the first bytes
 * @param onBytes awaited before more is read
 * @throws TransferError; what `onBytes` throws; the signal's reason
 */
export async function fetchRange(
  request: RangeRequest,
  transport: Transport,
  signal: AbortSignal,
  onEtag: (etag: string) => Promise<void>,
  onBytes: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const response = await ask(request, transport, either, stop);
  try {
    const skip_bytes = checkAnswer(request, response);
    const etag = response.headers.get("etag");
    if (request.etag === undefined && isStrong(etag)) await onEtag(etag);
    await readBody(response, request.end - request.start, skip_bytes, { transport, stop, signal: either, onBytes });
  } finally {
    stop.abort(new Error("the transfer has ended"));
  }
}

/** How large a file is and what its server calls this version. @throws TransferError */
export async function probeFile(url: string, transport: Transport, signal: AbortSignal): Promise<{ readonly size_bytes: number }> {
  const stop = new AbortController();
  const response = await ask({ url, start: 0, end: 1, etag: undefined }, transport, AbortSignal.any([signal, stop.signal]), stop);
  try {
    assertSent(response);
    const text =
      response.status === 206 ? /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] : response.headers.get("content-length");
    const size_bytes = Number(text ?? Number.NaN);
    if (!Number.isSafeInteger(size_bytes) || size_bytes > DOWNLOAD_LIMITS.file_bytes_max) {
      throw new TransferError("failed", `${shownAddress(url)} does not say how large the file is`);
    }
    return { size_bytes };
  } finally {
    stop.abort(new Error("the transfer has ended"));
  }
}

async function ask(
  { url, start, end, etag }: Omit<RangeRequest, "size_bytes">,
  { fetch: fetchIt, clock, headers = {} }: Transport,
  signal: AbortSignal,
  stop: AbortController,
): Promise<Response> {
  assertAllowed(url, url);
  const cancel = clock.setTimer(DOWNLOAD_LIMITS.answer_ms, () =>
    stop.abort(new TransferError("failed", `${shownAddress(url)} does not answer`)),
  );
  try {
    const range = { range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" };
    const response = await fetchIt(url, { headers: { ...headers, ...range, ...(etag === undefined ? {} : { "if-range": etag }) }, signal });
    assertAllowed(response.url || url, url);
    return response;
  } catch (error) {
    throw asTransferError(error, signal, `${shownAddress(url)} cannot be reached`);
  } finally {
    cancel();
  }
}

/** @returns how many bytes of the answer lie before what was asked for */
function checkAnswer({ url, start, end, size_bytes, etag }: RangeRequest, response: Response): number {
  assertSent(response);
  const answered = response.headers.get("etag");
  if (etag !== undefined && answered !== null && answered !== etag)
    throw new TransferError("changed", `${shownAddress(url)} has another version of the file now`);
  if (response.status === 206) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    if (Number(first) !== start) throw new TransferError("failed", `${shownAddress(url)} answers with another range`);
    if (total !== "*" && Number(total) !== size_bytes) throw otherSize(url, total);
    return 0;
  }
  const whole = response.headers.get("content-length");
  if (whole !== null && Number(whole) !== size_bytes) throw otherSize(url, whole);
  if (end < size_bytes || (start > 0 && etag !== undefined && answered === null)) {
    throw new TransferError("no_ranges", `${shownAddress(url)} sends whole files only`);
  }
  return start;
}

function assertSent(response: Response): void {
  const { status, url } = response;
  if (status === 200 || status === 206) return;
  const address = shownAddress(url);
  if (status === 401 || status === 403)
    throw new TransferError("gone", `${address} needs credentials or does not give the file away (${status})`);
  if (status === 404 || status === 410) throw new TransferError("gone", `there is no file at ${address}`);
  if (status === 416) throw new TransferError("gone", `${address} has a file of another size`);
  throw new TransferError("failed", `${address} answers with status ${status}`, retryAfter(response.headers.get("retry-after")));
}

function otherSize(url: string, size: string | undefined): TransferError {
  return new TransferError("gone", `${shownAddress(url)} has a file of another size (${size} bytes)`);
}

function retryAfter(text: string | null): number | undefined {
  const seconds = Number(text ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, DOWNLOAD_LIMITS.retryAfter_ms_max) : undefined;
}

interface Reading {
  readonly transport: Transport;
  readonly stop: AbortController;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: Uint8Array) => Promise<void>;
}

async function readBody(
  response: Response,
  wanted_bytes: number,
  skip_bytes: number,
  { transport, stop, signal, onBytes }: Reading,
): Promise<void> {
  const { clock, bandwidth } = transport;
  const address = shownAddress(response.url);
  if (response.body === null) throw new TransferError("failed", `${address} sends nothing`);
  const reader = response.body.getReader();
  // Whatever the body leans on, an end from our side ends the reading.
  signal.addEventListener("abort", () => void reader.cancel(signal.reason).catch(() => undefined), { once: true });
  let skip = skip_bytes;
  let left = wanted_bytes;
  while (left > 0) {
    const cancel = clock.setTimer(DOWNLOAD_LIMITS.stall_ms, () =>
      stop.abort(new TransferError("failed", `${address} has stopped sending`)),
    );
    const chunk = await reader
      .read()
      .catch((error: unknown) => {
        throw asTransferError(error, signal, `${address} broke off`);
      })
      .finally(cancel);
    if (chunk.done && signal.aborted) throw signal.reason;
    if (chunk.done) throw new TransferError("failed", `${address} broke off`);
    const skipped = Math.min(skip, chunk.value.length);
    skip -= skipped;
    const bytes = chunk.value.subarray(skipped, skipped + left);
    await bandwidth.take(chunk.value.length, signal);
    if (bytes.length > 0) await onBytes(bytes);
    left -= bytes.length;
  }
}

function asTransferError(error: unknown, signal: AbortSignal, message: string): unknown {
  if (signal.aborted) return signal.reason;
  return error instanceof TransferError || error instanceof DownloadError
    ? error
    : new TransferError("failed", message, undefined, { cause: error });
}

/** Whether what comes from an address is encrypted, or does not leave this machine. */
export function isPrivateWay(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && loopback.test(hostname));
}

/** Files travel encrypted, or within this machine, or as the address that was given says in so many words. */
function assertAllowed(url: string, given: string): void {
  const { protocol, origin } = new URL(url);
  if (isPrivateWay(url) || (protocol === "http:" && origin === new URL(given).origin)) return;
  throw new DownloadError("address_refused", `${shownAddress(url)} is not an https address`);
}

/** A weak tag (`W/…`) does not promise equal bytes. */
function isStrong(etag: string | null): etag is string {
  return etag?.startsWith('"') === true;
}
