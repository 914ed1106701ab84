import { type CryptoSupplier, webCrypto } from "@umbel/protocol";
import { createAnswerCheck } from "./answer-check.js";
import { checkedEventStream, checkedJson } from "./checked-body.js";
import type { ReceiptPolicy } from "./receipt-policy.js";
import { createSealedFetch } from "./sealed-fetch.js";

export interface UmbelFetchOptions extends Partial<ReceiptPolicy> {
  /**
   * `plain`: bodies pass as they are. `sealed`: each body is sealed to the coordinator's key, and each answer comes back sealed, so that who
   * ends TLS in between reads neither. Default: `plain`.
   */
  readonly mode?: "plain" | "sealed";
  /**
   * Identities of the coordinators to which sealed mode seals: RFC 7638 thumbprints, which their operators tell. Without them any key that is
   * fetched is taken, which keeps out those who only read, but not someone in between who answers with a key of their own.
   */
  readonly trustedCoordinators?: readonly string[];
  /** What performs the requests. Default: the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Cryptography of sealed mode. Default: `webCrypto`; in Node, `nativeCrypto` from `@umbel/protocol/native` is several times faster. */
  readonly supplier?: CryptoSupplier;
  /** Wall clock of sealed mode: a coordinator refuses requests that are five minutes off. Default: the machine's. */
  readonly now?: () => Date;
}

/**
 * A drop-in `fetch` for the official clients, e.g. `new OpenAI({ baseURL, apiKey, fetch: createUmbelFetch(options) })`.
 *
 * Base URL, API key and body are the client's own. With `trustedDevices`, each answer is checked: its end is delivered
 * only after the provider's signed receipt has been verified. A refused receipt makes reading the body fail with `ReceiptError`, and an answer
 * that was not sealed as it should be with `SealedError`; the returned promise does not reject for either, because clients repeat requests
 * that reject, and this one has been answered and paid. It does reject with `SealedError` when nothing could be sent.
 *
 * @throws TypeError when receipts are required and no devices are trusted
 */
export function createUmbelFetch(options: UmbelFetchOptions): typeof globalThis.fetch {
  const fetch: typeof globalThis.fetch = (input, init) => (options.fetch ?? globalThis.fetch)(input, init);
  const { supplier = webCrypto, now = () => new Date(), mode = "plain", trustedCoordinators } = options;
  const send = mode === "sealed" ? createSealedFetch({ fetch, supplier, now, trustedCoordinators }) : fetch;
  const policy = receiptPolicyOf(options);
  return policy === undefined ? send : checkingFetch(send, policy);
}

function receiptPolicyOf({ trustedDevices, receipts, onReceipt }: UmbelFetchOptions): ReceiptPolicy | undefined {
  if (trustedDevices === undefined) {
    if (receipts === "required") throw new TypeError("required receipts need trusted devices");
    return undefined;
  }
  return { trustedDevices, ...(receipts === undefined ? {} : { receipts }), ...(onReceipt === undefined ? {} : { onReceipt }) };
}

function checkingFetch(send: typeof globalThis.fetch, policy: ReceiptPolicy): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await send(input, init);
    if (!response.ok || response.body === null || !isInference(input)) return response;
    const check = createAnswerCheck(policy);
    const type = response.headers.get("content-type") ?? "";
    const checked = /^text\/event-stream\b/i.test(type) ? checkedEventStream(check) : checkedJson(check);
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(checked), { status, statusText, headers });
  };
}

/** Surfaces whose answers a provider signs. */
const INFERENCE = /\/(?:chat\/completions|completions|responses|messages|embeddings)\/?(?:[?#]|$)/;

function isInference(input: string | URL | Request): boolean {
  return INFERENCE.test(input instanceof Request ? input.url : String(input));
}
