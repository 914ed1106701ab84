import { toHex } from "./bytes.js";
import { sha256 } from "./hash.js";
import type { RequestId } from "./messages/common.js";
import { uuidToBytes } from "./uuid.js";

/** Running digest over the sealed chunks of one attempt, kept by both ends and compared through the receipt. */
export interface DigestChain {
  /** Adds the ciphertext of the next chunk, without its frame header. */
  update(ciphertext: Uint8Array): void;
  /** Lower-case hex of the digest so far. */
  digest(): string;
}

/**
 * Starts a chain: h₀ = SHA-256(request id bytes), hₙ = SHA-256(hₙ₋₁ ‖ ciphertextₙ) (trust.md §17.4).
 *
 * @param requestId request that the chunks answer
 * @param hash SHA-256 implementation; in Node pass `nativeCrypto.sha256`, which is faster
 */
export function createDigestChain(requestId: RequestId, hash: (...parts: Uint8Array[]) => Uint8Array = sha256): DigestChain {
  let state = hash(uuidToBytes(requestId));
  return {
    update(ciphertext) {
      state = hash(state, ciphertext);
    },
    digest: () => toHex(state),
  };
}
