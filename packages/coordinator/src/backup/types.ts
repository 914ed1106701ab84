import type { AppliedMigration } from "../store/index.js";

/** How a backup is opened: with an age identity (`AGE-SECRET-KEY-1…`), or with the passphrase that it was made with. */
export type BackupKey = { readonly identity: string } | { readonly passphrase: string };

/** To whom a backup is encrypted: age recipients (`age1…`), or a passphrase. It never lies on a disk in the clear. */
export type BackupLock =
  | { readonly recipients: readonly string[] }
  /** Default work: 18, which is age's own; each step doubles what guessing costs, and opening. */
  | { readonly passphrase: string; readonly work_log2?: number };

export interface BackupHeader {
  /** Of the format. */
  readonly format: 1;
  /** Of the program that made it. */
  readonly version: string;
  readonly at: string;
  readonly migrations: readonly AppliedMigration[];
}

export interface SealedFile {
  readonly name: string;
  readonly sha256: string;
}

/** The last line of a backup: what must have come before it. */
export interface BackupManifest {
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly sha256: string }[];
  readonly files: readonly SealedFile[];
  /** Files of models that the coordinator handed out itself: named, because they are large and do not change, and not contained. */
  readonly blobs: readonly BlobReference[];
}

export interface BlobReference {
  /** Below `blobs/` of the home. */
  readonly path: string;
  readonly size_bytes: number;
}

export interface BackupReport {
  readonly header: BackupHeader;
  readonly manifest: BackupManifest;
}

/** The file is no backup, not one of this program, or not whole; or the key does not open it. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}
