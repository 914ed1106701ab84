import type { EnvelopeErrorCode } from "@umbel/protocol";

/**
 * Why sealed mode refused to go on. Before anything was sent, the fetch rejects: `key_unavailable`: the coordinator's key could not be
 * fetched, or is none; `untrusted_key`: no coordinator that is trusted has signed it; `unknown_endpoint`: the body cannot be sealed, because the URL is not one of the API's that take sealed bodies.
 * Afterwards, reading the answer's body fails: `unsealed`: the answer came in the clear; `truncated`: it stopped before its final mark;
 * `authentication`, `out_of_order`, `after_final`, `malformed`, `too_large`: it is not what the coordinator sealed.
 */
export type SealedErrorCode = "key_unavailable" | "untrusted_key" | "unknown_endpoint" | "unsealed" | "truncated" | EnvelopeErrorCode;

/** Sealed mode does not go on in the clear: it fails. Never holds content. */
export class SealedError extends Error {
  override readonly name = "SealedError";
  constructor(
    readonly code: SealedErrorCode,
    options?: ErrorOptions,
  ) {
    super(`sealed mode refused: ${code}`, options);
  }
}
