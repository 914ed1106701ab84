import type { CryptoSupplier, EncryptionKeyPair } from "../../crypto/supplier.js";
import { webCrypto } from "../../crypto/web-crypto.js";
import { requestId } from "../../messages/common.js";
import { nativeCrypto } from "../../native/native-crypto.js";
import type { ChunkOptions } from "../chunk-key.js";
import { openWrap, wrapContentKey } from "../content-key-wrap.js";
import type { RequestMetadata } from "../request-body.js";

export const suite = "x25519-sha256-aes256gcm";
export const chachaSuite = "x25519-sha256-chacha20poly1305";
export const requestA = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f");
export const requestB = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a50");
export const metadata: RequestMetadata = { request_id: requestA, build_id: "sprout-3m-q8_0", max_output_tokens: 64 };

/** Who seals and who opens: every pair of suppliers, both ways. */
export const directions: [string, CryptoSupplier, CryptoSupplier][] = [
  ["native → native", nativeCrypto, nativeCrypto],
  ["native → WebCrypto", nativeCrypto, webCrypto],
  ["WebCrypto → native", webCrypto, nativeCrypto],
  ["WebCrypto → WebCrypto", webCrypto, webCrypto],
];

/** One provider key per supplier, so that tests do not draw keys again and again. */
export async function providerKey(supplier: CryptoSupplier): Promise<EncryptionKeyPair> {
  return supplier.importKeyPair(new Uint8Array(32).fill(0x42));
}

/** What both ends know after a wrap went from the sealer of the request (`sender`) to the provider (`receiver`). */
export async function agreeOnChunks(
  sender: CryptoSupplier,
  receiver: CryptoSupplier,
  change: Partial<ChunkOptions> = {},
): Promise<{ atSender: ChunkOptions; atProvider: ChunkOptions }> {
  const keyPair = await providerKey(receiver);
  const recipientPublicKey = keyPair.publicKey;
  const shared = { requestId: requestA, recipientPublicKey, suite, responseNonce: new Uint8Array(16).fill(5), ...change } as const;
  const contentKey = new Uint8Array(32).fill(1);
  const wrap = await wrapContentKey(sender, { ...shared, contentKey });
  const opened = await openWrap(receiver, { ...shared, enc: wrap.enc, ct: wrap.ct, keyPair });
  return { atSender: { ...shared, responseSecret: wrap.responseSecret }, atProvider: { ...shared, responseSecret: opened.responseSecret } };
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, index: number): Uint8Array {
  const copy = bytes.slice();
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
