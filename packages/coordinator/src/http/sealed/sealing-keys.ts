import type { Clock, CryptoSupplier, EncryptionKey, EncryptionKeyPair } from "@umbel/protocol";
import { encryptionKeyId, supportedSuites, toBase64 } from "@umbel/protocol";

/** How long a key is accepted beyond its successor's coming. Source: api.md §19. */
const OVERLAP_ms = 24 * 3_600_000;

export interface SealingKey {
  readonly kid: string;
  readonly keyPair: EncryptionKeyPair;
  readonly notBefore_ms: number;
  /** When its successor comes. */
  readonly rotate_ms: number;
  /** From then on it opens nothing. */
  readonly expires_ms: number;
}

/**
 * The keys to which consumers seal. They live in memory only: what was sealed to a key cannot be opened by anyone once it has expired or the
 * coordinator has stopped, and no envelope of before a restart opens after it, though what was seen is forgotten.
 */
export interface SealingKeys {
  /** All that are accepted, the current one first; never empty. The same array as long as they are the same keys. */
  accepted(): Promise<readonly SealingKey[]>;
}

export function createSealingKeys({
  clock,
  supplier,
  rotation_ms,
}: {
  readonly clock: Clock;
  readonly supplier: CryptoSupplier;
  /** How long a key is the current one. */
  readonly rotation_ms: number;
}): SealingKeys {
  let keys: readonly SealingKey[] = [];
  let rotating: Promise<void> | undefined;

  async function rotate(): Promise<void> {
    const keyPair = await supplier.generateKeyPair();
    const notBefore_ms = clock.date().getTime();
    const rotate_ms = notBefore_ms + rotation_ms;
    const expires_ms = rotate_ms + Math.min(rotation_ms, OVERLAP_ms);
    keys = [{ kid: encryptionKeyId(keyPair.publicKey), keyPair, notBefore_ms, rotate_ms, expires_ms }, ...keys];
  }

  return {
    async accepted() {
      const [current] = keys;
      if (current === undefined || clock.date().getTime() >= current.rotate_ms) {
        rotating ??= rotate().finally(() => {
          rotating = undefined;
        });
        await rotating;
      }
      const now_ms = clock.date().getTime();
      if (keys.some(({ expires_ms }) => expires_ms <= now_ms)) keys = keys.filter(({ expires_ms }) => expires_ms > now_ms);
      return keys;
    },
  };
}

/** A key as it is published. */
export function publishedKey({ kid, keyPair, notBefore_ms, expires_ms }: SealingKey, supplier: CryptoSupplier): EncryptionKey {
  return {
    kid,
    public_key: toBase64(keyPair.publicKey),
    suites: supportedSuites(supplier),
    not_before: new Date(notBefore_ms).toISOString(),
    expires_at: new Date(expires_ms).toISOString(),
  };
}
