import { createAnswerCheck } from "./answer-check.js";
import { checkedEventStream, checkedJson } from "./checked-body.js";
import type { ReceiptPolicy } from "./receipt-policy.js";

export interface UmbelFetchOptions extends ReceiptPolicy {
  /** What performs the requests. Default: the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * A drop-in `fetch` for the official clients, e.g. `new OpenAI({ baseURL, apiKey, fetch: createUmbelFetch(options) })`.
 *
 * Requests pass unchanged: base URL, API key and body are the client's own. An answer passes unchanged too, but its end is delivered only after the provider's signed receipt has been checked. A refused receipt makes reading the body fail with `ReceiptError`;
 * the returned promise does not reject for it, because clients repeat requests that reject, and this one has been answered and paid.
 */
export function createUmbelFetch(options: UmbelFetchOptions): typeof globalThis.fetch {
  const policy: ReceiptPolicy = Object.freeze({ ...options });
  return async (input, init) => {
    const response = await (options.fetch ?? globalThis.fetch)(input, init);
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
