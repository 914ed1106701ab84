/** What is kept of an idempotency key between its first use and the end of its window: digests, never a body. */
export interface KeyRow {
  readonly accountId: string;
  readonly keyDigest: string;
  readonly bodyDigest: string;
  /** Of the request that the key stands for. */
  readonly requestId: string;
  readonly state: "running" | "ended";
  /** The coordinator process that runs it. */
  readonly instanceId: string;
  readonly createdAt: Date;
}

export interface IdempotencyStore {
  /** False when the account has used the key already. */
  insert(row: KeyRow): Promise<boolean>;
  /** With what became of the request's money; undefined when it held none. */
  find(accountId: string, keyDigest: string): Promise<(KeyRow & { readonly reservation: ReservationState | undefined }) | undefined>;
  /** False when the standing row is not that of its request any more. */
  replace(standing: KeyRow, row: KeyRow): Promise<boolean>;
  end(row: KeyRow): Promise<void>;
  remove(row: KeyRow): Promise<void>;
  removeOlderThan(at: Date): Promise<void>;
}

type ReservationState = "held" | "parked" | "settled" | "released";
