import { randomUUID } from "node:crypto";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  BackupError,
  backupName,
  CoordinatorRunningError,
  openStore,
  RestoreError,
  restoreBackup,
  type Store,
  verifyBackup,
  writeBackup,
} from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { readSettings } from "../offline-store.js";
import { createOutput, type Output, table } from "../output.js";
import { asStartError } from "../start-error.js";
import { VERSION } from "../version.js";
import { backupsAt, keepBackup, withBackup } from "./backup-files.js";

interface Options {
  readonly passphraseFile?: string;
  readonly home?: string;
  readonly json?: boolean;
}

export interface BackupOptions extends Options {
  readonly recipient?: readonly string[];
  readonly output?: string;
}

export interface OpenOptions extends Options {
  readonly identity?: string;
}

type Report = Awaited<ReturnType<typeof verifyBackup>>;

/** `umbel admin backup`: also while the coordinator runs. */
export async function makeBackup(options: BackupOptions): Promise<void> {
  const output = createOutput(options);
  const lock = await lockOf(options);
  const home = resolveHome(options.home);
  const at = systemClock.date();
  const name = backupName(at);
  const [file, report] = await keepBackup(options.output ?? name, name, (draft) =>
    withStore(home, (store) => writeBackup(draft, { store, home, version: VERSION, at }, lock).catch(asRefusal)),
  );
  output.result({ file, size_bytes: report.size_bytes, ...summaryOf(report) });
  tell(output, report);
  output.line(`Saved ${file}. Keep its key elsewhere: without it nobody opens the backup.`);
}

/** `umbel admin verify-backup`. */
export async function checkBackup(file: string, options: OpenOptions & { readonly deep?: boolean }): Promise<void> {
  const output = createOutput(options);
  const key = await keyOf(options);
  const report = await withBackup(file, async (copy) => {
    await refuseMissing(copy, "Give the file of a backup; see umbel admin backups.");
    const found = await verifyBackup(copy, key).catch(asRefusal);
    if (options.deep === true) await tryRestore(copy, key);
    return found;
  });
  output.result({ file, deep: options.deep === true, ...summaryOf(report) });
  tell(output, report);
  output.line(options.deep === true ? "It was restored into a database of its own, row for row, and the books balance." : "It is whole.");
}

/** `umbel admin restore`. */
export async function restore(file: string, options: OpenOptions): Promise<void> {
  const output = createOutput(options);
  const key = await keyOf(options);
  const home = resolveHome(options.home);
  const report = await withBackup(file, async (copy) => {
    await refuseMissing(copy, "Give the file of a backup; see umbel admin backups.");
    return withStore(home, async (store) => {
      await store.claimCoordinator(`restore-${randomUUID()}`).catch((error: unknown) => {
        if (!(error instanceof CoordinatorRunningError)) throw error;
        throw new CliError(error.message, EXIT_CODES.failure, "A backup is restored into an empty home, with --home.");
      });
      return restoreBackup(copy, key, { store, home }).catch(asRefusal);
    });
  });
  const { migrated, missing } = report;
  output.result({ home, ...summaryOf(report), migrated, missing_blobs: missing });
  tell(output, report);
  if (migrated > 0) output.line(`It was of an older version: ${migrated} changes of the schema were made up for.`);
  if (missing.length > 0) {
    output.note(`${missing.length} files of models are not in ${path.join(home, "blobs")}; put them back, or publish those models again:`);
    for (const blob of missing) output.note(`  ${blob.path} (${blob.size_bytes} bytes)`);
  }
  output.line(`Restored into ${home}; every row was compared, and the books balance. Start it with: umbel coordinator --home ${home}`);
}

/** `umbel admin backups`. */
export async function listBackups(place: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const { backupDirectory, backupBucket } = readSettings({});
  const places = place === undefined ? [backupDirectory, backupBucket].filter((each) => each !== undefined) : [place];
  if (places.length === 0) {
    throw new CliError(
      "There is no place to look at.",
      EXIT_CODES.usage,
      "Give a directory or s3://bucket/folder, or set UMBEL_BACKUP_DIR.",
    );
  }
  const data = (await Promise.all(places.map(async (each) => (await backupsAt(each)).map((found) => ({ place: each, ...found }))))).flat();
  output.result({ data });
  output.line(
    data.length === 0
      ? "There are no backups."
      : table(
          ["MADE", "PLACE", "NAME"],
          data.map((row) => [row.made_at, row.place, row.name]),
        ),
  );
}

/** Into a home of its own, which is thrown away. */
async function tryRestore(file: string, key: Awaited<ReturnType<typeof keyOf>>): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), "umbel-drill-"));
  try {
    const store = await openStore({ home }).catch(asStartError);
    try {
      await restoreBackup(file, key, { store, home }).catch(asRefusal);
    } finally {
      await store.close();
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function withStore<T>(home: string, work: (store: Store) => Promise<T>): Promise<T> {
  const { databaseUrl } = readSettings({ home });
  const store = await openStore(databaseUrl === undefined ? { home } : { databaseUrl }).catch(asStartError);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function lockOf({ recipient = [], passphraseFile }: BackupOptions) {
  const stranger = recipient.find((each) => !/^age1[a-z0-9]{50,4000}$/.test(each));
  if (stranger !== undefined) {
    throw new CliError(
      `"${stranger}" is no public key of age.`,
      EXIT_CODES.usage,
      "Make a key with age-keygen; its public part begins with age1.",
    );
  }
  const recipients = recipient.length > 0 || passphraseFile !== undefined ? recipient : readSettings({}).backupRecipients;
  if (passphraseFile !== undefined && recipients.length === 0) return { passphrase: await secretIn(passphraseFile) };
  if (passphraseFile === undefined && recipients.length > 0) return { recipients };
  const remedy = "Give --recipient age1… (make a key with age-keygen), or --passphrase-file; or set UMBEL_BACKUP_RECIPIENTS.";
  throw new CliError("A backup needs keys or a passphrase: it is never written in the clear.", EXIT_CODES.usage, remedy);
}

async function keyOf({ identity, passphraseFile }: OpenOptions) {
  if (identity === undefined && passphraseFile !== undefined) return { passphrase: await secretIn(passphraseFile) };
  if (identity === undefined || passphraseFile !== undefined) {
    throw new CliError(
      "There is no one key to open it with.",
      EXIT_CODES.usage,
      "Give either --identity <file> or --passphrase-file <file>.",
    );
  }
  const line = (await secretIn(identity)).split("\n").find((each) => each.startsWith("AGE-SECRET-KEY-"));
  if (line !== undefined) return { identity: line.trim() };
  throw new CliError(`${identity} holds no age identity.`, EXIT_CODES.usage, "It has a line that begins with AGE-SECRET-KEY-.");
}

async function secretIn(file: string): Promise<string> {
  await refuseMissing(file, "Put the key or passphrase into it.");
  const text = (await readFile(file, "utf8")).trim();
  if (text === "") throw new CliError(`${file} is empty.`, EXIT_CODES.usage, "Put the key or passphrase into it.");
  return text;
}

/** @throws CliError that does not take a missing file for a broken home */
async function refuseMissing(file: string, remedy: string): Promise<void> {
  await access(file).catch((cause: unknown) => {
    throw new CliError(`${file} cannot be read.`, EXIT_CODES.usage, remedy, { cause });
  });
}

function asRefusal(error: unknown): never {
  if (error instanceof BackupError || error instanceof RestoreError) {
    const remedy =
      error instanceof RestoreError ? "Restore into an empty database and home; nothing was changed." : "Check the file and the key.";
    throw new CliError(`${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`, EXIT_CODES.verification, remedy, {
      cause: error,
    });
  }
  throw error;
}

function summaryOf({ header, manifest }: Report) {
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return { made_at: header.at, made_by: header.version, rows, ...manifest };
}

function tell(output: Output, report: Report): void {
  const { made_at, made_by, rows, tables, files, blobs } = summaryOf(report);
  output.line(`Backup of ${made_at} by version ${made_by}: ${rows} rows of ${tables.length} tables, ${files.length} files of the home.`);
  if (blobs.length > 0) output.line(`It names ${blobs.length} files of models below blobs/, and does not contain them.`);
}
