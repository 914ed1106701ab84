export const DATA_RIGHTS_LIMITS = {
  /** Earnings from which on an account is not erased unless its owner gives them up: 1 USD. */
  withdrawable_microUsd_min: 1_000_000n,
  /** How long an erasure is put off that something stands in the way of. */
  postponed_ms: 24 * 3_600_000,
  /** Accounts that one run erases. */
  perRun_max: 100,
} as const;

export interface Erasure {
  readonly id: string;
  readonly requestedAt: Date;
  readonly scheduledFor: Date;
}

/** Takes what is kept of an account, file by file; each row is JSON. */
export interface ExportSink {
  file(name: string): Promise<void>;
  rows(rows: readonly string[]): Promise<void>;
}

/** What people may ask of us about what we keep of them. */
export interface DataRights {
  /**
   * Schedules the account's end, after a time to think it over. At once: its keys are off, its machines unlinked, and it asks no models.
   *
   * @param confirm the account's e-mail address, or its id where it has none
   * @param forfeit gives up what is on it
   */
  requestErasure(accountId: string, wish: { readonly confirm: string; readonly forfeit: boolean }): Promise<Erasure>;
  /** The one that is scheduled. */
  erasure(accountId: string): Promise<Erasure | undefined>;
  /** Keys are on again; machines have to be linked anew. False when none is scheduled. */
  cancelErasure(accountId: string): Promise<boolean>;
  /** Erases the accounts whose time has come. @returns how many */
  eraseDue(): Promise<number>;
  /** Everything that is kept of an account but secrets, as it stood at one moment. */
  exportAccount(accountId: string, sink: ExportSink): Promise<void>;
}

/**
 * - `not_confirmed`: the address is another one
 * - `scheduled`: it is under way already
 * - `withdrawals`, `disputes`, `money`: what has to end first
 */
export type ErasureErrorCode = "not_confirmed" | "scheduled" | "withdrawals" | "disputes" | "money";

export class ErasureError extends Error {
  override readonly name = "ErasureError";

  constructor(
    readonly code: ErasureErrorCode,
    message: string,
  ) {
    super(message);
  }
}
