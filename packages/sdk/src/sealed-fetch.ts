import {
  type AnswerOpener,
  type CryptoSupplier,
  createAnswerOpener,
  EnvelopeError,
  fromUtf8,
  SEALED_CONTENT_TYPE,
  sealTransportRequest,
  utf8,
} from "@umbel/protocol";
import { createEncryptionKeys, type EncryptionKeysOptions, type RecipientKey } from "./encryption-keys.js";
import { openedEventStream, openedWhole } from "./opened-body.js";
import { readBounded } from "./read-bounded.js";
import { type SealedEndpoint, sealedEndpoint } from "./sealed-endpoint.js";
import { SealedError } from "./sealed-error.js";

/** Largest error in the clear that is read. */
const ERROR_bytes_max = 64 * 1024;

/**
 * A `fetch` that seals every body to the coordinator and opens what comes back. Requests without a body pass as they are; a body that cannot
 * be sealed is not sent. Errors that the coordinator tells before it has opened a request (no valid key, rate limits) pass in the clear.
 */
export function createSealedFetch(options: EncryptionKeysOptions): typeof globalThis.fetch {
  const { fetch, supplier, now } = options;
  const keys = createEncryptionKeys(options);

  async function send(request: OutgoingRequest, key: RecipientKey): Promise<{ response: Response; opener: AnswerOpener }> {
    const { suite, publicKey: recipientPublicKey } = key;
    const sealed = await seal(supplier, {
      ...request.endpoint.route,
      recipientPublicKey,
      suite,
      timestamp: now(),
      plaintext: request.body,
    });
    const opener = createAnswerOpener(supplier, { answerSecret: sealed.answerSecret, suite });
    return { response: await fetch(request.url, { ...request.init, body: sealed.body.slice() }), opener };
  }

  return async (input, init) => {
    const request = await outgoing(input, init);
    if (request === undefined) return fetch(input, init);
    const { base } = request.endpoint;
    const key = await orAborted(keys.of(base), request.signal);
    const first = await send(request, key);
    const refusal = await errorInTheClear(first.response);
    if (refusal === undefined) return opened(first.response, first.opener);
    if (refusal.code !== "kid_mismatch") return refusal.response;
    const second = await send(request, await orAborted(keys.after(base, key), request.signal));
    return (await errorInTheClear(second.response))?.response ?? opened(second.response, second.opener);
  };
}

interface OutgoingRequest {
  readonly url: string;
  readonly endpoint: SealedEndpoint;
  readonly body: Uint8Array;
  /** All but the body. */
  readonly init: RequestInit;
  readonly signal: AbortSignal | undefined;
}

/** @returns undefined when there is nothing to seal @throws SealedError `unknown_endpoint` */
async function outgoing(input: string | URL | Request, init: RequestInit | undefined): Promise<OutgoingRequest | undefined> {
  const given = input instanceof Request ? input : undefined;
  if ((init?.body ?? given?.body ?? null) === null) return undefined;
  const url = given?.url ?? String(input);
  const method = (init?.method ?? given?.method ?? "GET").toUpperCase();
  const endpoint = sealedEndpoint(url, method);
  if (endpoint === undefined) throw new SealedError("unknown_endpoint");
  const headers = new Headers(init?.headers ?? given?.headers);
  headers.set("content-type", SEALED_CONTENT_TYPE);
  headers.delete("content-length");
  const body = typeof init?.body === "string" ? utf8(init.body) : new Uint8Array(await new Request(input, init).arrayBuffer());
  const carried = given === undefined ? {} : { signal: given.signal, credentials: given.credentials, redirect: given.redirect };
  const signal = init?.signal ?? given?.signal;
  return { url, endpoint, body, init: { ...carried, ...init, method, headers }, signal };
}

/** A key is fetched for all who need it, so one who leaves only stops waiting. */
async function orAborted<T>(value: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return value;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
  return Promise.race([value, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}

async function seal(supplier: CryptoSupplier, options: Parameters<typeof sealTransportRequest>[1]) {
  try {
    return await sealTransportRequest(supplier, options);
  } catch (error) {
    throw error instanceof EnvelopeError ? new SealedError(error.code, { cause: error }) : error;
  }
}

/** The error that a response holds in the clear, read; undefined when it is something else, unread. One that is too long comes without its body. */
async function errorInTheClear(response: Response): Promise<{ readonly response: Response; readonly code: unknown } | undefined> {
  if (response.status < 400 || contentType(response) === SEALED_CONTENT_TYPE) return undefined;
  const { status, statusText, headers } = response;
  const bytes = await readBounded(response.body, ERROR_bytes_max).catch((error: unknown) => {
    if (error instanceof SealedError) return new Uint8Array(0);
    throw error;
  });
  return { response: new Response(bytes, { status, statusText, headers: bodyHeaders(headers) }), code: codeOf(bytes) };
}

function codeOf(bytes: Uint8Array): unknown {
  try {
    const { error } = JSON.parse(fromUtf8(bytes)) as { readonly error?: { readonly code?: unknown } };
    return error?.code;
  } catch {
    // Whatever a proxy answers: it is passed on as it came.
    return undefined;
  }
}

/**
 * The body of an answer fails where the answer is not what the coordinator sealed. The fetch itself does not: clients repeat requests that
 * reject, and this one has been answered and paid.
 */
function opened(response: Response, opener: AnswerOpener): Response {
  const { status, statusText, body } = response;
  const headers = bodyHeaders(response.headers);
  const type = contentType(response);
  if (body !== null && type === SEALED_CONTENT_TYPE) {
    headers.set("content-type", "application/json");
    return new Response(body.pipeThrough(openedWhole(opener, status)), { status, statusText, headers });
  }
  if (body !== null && type === "text/event-stream") {
    return new Response(body.pipeThrough(openedEventStream(opener)), { status, statusText, headers });
  }
  const failing = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller) {
      controller.error(new SealedError("unsealed"));
      await body?.cancel();
    },
  });
  return new Response(failing, { headers });
}

function contentType(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** What speaks of the bytes as they were on the wire goes. */
function bodyHeaders(headers: Headers): Headers {
  const rest = new Headers(headers);
  for (const name of ["content-length", "content-encoding", "transfer-encoding"]) rest.delete(name);
  return rest;
}
