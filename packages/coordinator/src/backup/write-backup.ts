import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { type DumpedTable, dumpDatabase, type Store } from "../store/index.js";
import { blobsOf } from "./blobs.js";
import { homeFiles, sealOf } from "./home-files.js";
import { writeSealed } from "./sealed-file.js";
import type { BackupHeader, BackupLock, BackupManifest, BackupReport, SealedFile } from "./types.js";

export interface BackupSource {
  readonly store: Pick<Store, "client">;
  readonly home: string;
  /** Of this program. */
  readonly version: string;
  readonly at: Date;
}

/**
 * Writes everything that a coordinator consists of into one encrypted file: each row of each table as it stood at one moment, and the keys and secrets of the
 * home. Nobody has to wait for it.
 *
 * @returns what is in it, and its size
 */
export async function writeBackup(
  file: string,
  source: BackupSource,
  lock: BackupLock,
): Promise<BackupReport & { readonly size_bytes: number }> {
  // The database pushes, the file pulls: lines wait in between, and the database when there are many.
  const lines = new PassThrough({ objectMode: true, highWaterMark: 64 });
  const [size_bytes, report] = await Promise.all([
    writeSealed(file, lines, lock),
    read(source, lines).catch((error: unknown) => {
      lines.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }),
  ]);
  return { ...report, size_bytes };
}

async function read({ store, home, version, at }: BackupSource, lines: PassThrough): Promise<BackupReport> {
  const put = async (text: string): Promise<void> => {
    if (!lines.write(text)) await once(lines, "drain");
  };
  const mark = (kind: string, what: unknown) => put(`${JSON.stringify([kind, what])}\n`);
  let header: BackupHeader | undefined;
  const tables: { readonly name: string; rows: number; readonly hash: Hash }[] = [];
  await dumpDatabase(store.client, {
    async begin(migrations) {
      header = { format: 1, version, at: at.toISOString(), migrations };
      await mark("backup", header);
    },
    async table(table: DumpedTable) {
      tables.push({ name: table.name, rows: 0, hash: createHash("sha256") });
      await mark("table", table);
    },
    async rows(rows) {
      const table = tables.at(-1);
      if (table === undefined || rows.length === 0) return;
      const text = `${rows.join("\n")}\n`;
      table.hash.update(text);
      table.rows += rows.length;
      await put(text);
    },
  });
  if (header === undefined) throw new Error("the database was not read");
  const files: SealedFile[] = [];
  for await (const file of homeFiles(home)) {
    files.push(sealOf(file));
    await mark("file", { name: file.name, base64: file.content.toString("base64") });
  }
  const manifest: BackupManifest = {
    tables: tables.map(({ name, rows, hash }) => ({ name, rows, sha256: hash.digest("hex") })),
    files,
    blobs: await blobsOf(home),
  };
  await mark("manifest", manifest);
  lines.end();
  return { header, manifest };
}
