import {
  type CryptoSupplier,
  deviceThumbprint,
  type EncryptionKey,
  type EncryptionKeyDocument,
  type EnvelopeSuite,
  encryptionKeyDocument,
  encryptionKeyId,
  fromBase64,
  fromUtf8,
  SignatureError,
  supportedSuites,
  verifyClaims,
} from "@umbel/protocol";
import { readBounded } from "./read-bounded.js";
import { SealedError } from "./sealed-error.js";

const DOCUMENT_bytes_max = 64 * 1024;
const FETCH_TIMEOUT_ms = 10_000;
/** How long a key is used without looking again, if it does not expire before. */
const KEPT_ms = 3_600_000;
/** Coordinators whose keys are kept. */
const COORDINATORS_MAX = 32;

/** A coordinator's key, and how to seal to it. */
export interface RecipientKey {
  readonly kid: string;
  readonly publicKey: Uint8Array;
  readonly suite: EnvelopeSuite;
}

interface KeptKey extends RecipientKey {
  readonly until_ms: number;
}

export interface EncryptionKeys {
  /** The key of the coordinator at `base`; fetched if it is not known or was kept for long. @throws SealedError `key_unavailable` */
  of(base: string): Promise<RecipientKey>;
  /** The key that follows one that the coordinator does not accept any more. @throws SealedError `key_unavailable` */
  after(base: string, refused: RecipientKey): Promise<RecipientKey>;
}

export interface EncryptionKeysOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly supplier: CryptoSupplier;
  readonly now: () => Date;
  /** Thumbprints (RFC 7638) of the identities whose keys are taken; undefined takes any. */
  readonly trustedCoordinators: readonly string[] | undefined;
}

export function createEncryptionKeys({ fetch, supplier, now, trustedCoordinators }: EncryptionKeysOptions): EncryptionKeys {
  const kept = new Map<string, Promise<KeptKey>>();

  /** Of all who find the same key wanting, one fetches it anew. */
  async function keyOf(base: string, cache: RequestCache, isWanting: (key: KeptKey) => boolean): Promise<KeptKey> {
    const known = kept.get(base);
    if (known === undefined) return renew(base, cache);
    const key = await known;
    if (!isWanting(key)) return key;
    const latest = kept.get(base);
    return latest === undefined || latest === known ? renew(base, cache) : latest;
  }

  function renew(base: string, cache: RequestCache): Promise<KeptKey> {
    const key = load(base, cache);
    kept.delete(base);
    kept.set(base, key);
    for (const oldest of kept.keys()) {
      if (kept.size <= COORDINATORS_MAX) break;
      kept.delete(oldest);
    }
    key.catch(() => {
      if (kept.get(base) === key) kept.delete(base);
    });
    return key;
  }

  async function load(base: string, cache: RequestCache): Promise<KeptKey> {
    const document = await fetched(base, cache);
    const key = trustedCoordinators === undefined ? document : await signedKey(document, trustedCoordinators);
    const publicKey = fromBase64(key.public_key);
    const suite = supportedSuites(supplier).find((candidate) => key.suites.includes(candidate));
    if (suite === undefined || key.kid !== encryptionKeyId(publicKey)) throw new SealedError("key_unavailable");
    const until_ms = Math.min(now().getTime() + KEPT_ms, Date.parse(key.expires_at));
    return { kid: key.kid, publicKey, suite, until_ms };
  }

  async function fetched(base: string, cache: RequestCache): Promise<EncryptionKeyDocument> {
    try {
      const signal = AbortSignal.timeout(FETCH_TIMEOUT_ms);
      const response = await fetch(`${base}/v1/encryption-key`, { cache, credentials: "omit", signal });
      const text = fromUtf8(await readBounded(response.body, DOCUMENT_bytes_max));
      return encryptionKeyDocument.parse(JSON.parse(text));
    } catch (cause) {
      throw new SealedError("key_unavailable", { cause });
    }
  }

  return {
    of: (base) => keyOf(base, "default", ({ until_ms }) => until_ms <= now().getTime()),
    after: (base, refused) => keyOf(base, "no-cache", ({ kid }) => kid === refused.kid),
  };
}

/** Only what is under the signature counts. */
async function signedKey({ signer, signature }: EncryptionKeyDocument, trusted: readonly string[]): Promise<EncryptionKey> {
  try {
    if (!trusted.includes(await deviceThumbprint(signer))) throw new SealedError("untrusted_key");
    const [current] = (await verifyClaims(signer, "encryption_keys", signature)).keys;
    if (current === undefined) throw new SealedError("untrusted_key");
    return current;
  } catch (cause) {
    throw cause instanceof SignatureError ? new SealedError("untrusted_key", { cause }) : cause;
  }
}
