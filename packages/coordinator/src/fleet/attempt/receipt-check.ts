import { type DeviceKey, type InferenceComplete, SignatureError, type Usage, type UsageReceipt, verifyClaims } from "@umbel/protocol";

/** What the coordinator itself knows of the answer that a receipt describes. */
export interface RelayedAnswer {
  readonly requestId: string;
  readonly buildId: string;
  /** Hash that the machine advertised for the build. */
  readonly weightHash: string;
  readonly chunks: number;
  /** SHA-256 of the sealed body's ciphertext, lower-case hex. */
  readonly requestDigest: string;
  /** Digest chain over the chunk ciphertexts as they were relayed, lower-case hex. */
  readonly responseDigest: string;
}

/**
 * Whether a usage receipt is one that a consumer can rely on: signed by the session's device key, about this request and build, with the
 * figures of the terminal message and the digests of what was relayed (trust.md §17.4).
 */
export async function isReceiptValid(message: InferenceComplete, deviceKey: DeviceKey, relayed: RelayedAnswer): Promise<boolean> {
  let receipt: UsageReceipt;
  try {
    receipt = await verifyClaims(deviceKey, "receipt", message.receipt);
  } catch (error) {
    if (error instanceof SignatureError) return false;
    throw error;
  }
  return (
    receipt.request_id === relayed.requestId &&
    receipt.build_id === relayed.buildId &&
    receipt.weight_hash === relayed.weightHash &&
    receipt.chunks === relayed.chunks &&
    message.chunks === relayed.chunks &&
    receipt.finish_reason === message.finish_reason &&
    receipt.request_digest === relayed.requestDigest &&
    receipt.response_digest === relayed.responseDigest &&
    isSameUsage(receipt.usage, message.usage)
  );
}

function isSameUsage(a: Usage, b: Usage): boolean {
  return (
    a.prompt_tokens === b.prompt_tokens &&
    a.completion_tokens === b.completion_tokens &&
    a.reasoning_tokens === b.reasoning_tokens &&
    a.cached_prompt_tokens === b.cached_prompt_tokens
  );
}
