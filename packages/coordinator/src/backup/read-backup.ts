import { createHash } from "node:crypto";
import { z } from "zod";
import type { DumpPart } from "../store/index.js";
import { type HomeFile, sealOf } from "./home-files.js";
import { readSealed } from "./sealed-file.js";
import { BackupError, type BackupHeader, type BackupKey, type BackupManifest, type BackupReport } from "./types.js";

/** Rows that are handed over at once. */
const PAGE_ROWS = 500;

const name = z.string().regex(/^[a-z0-9_]{1,63}$/);
const seal = z.object({ name: z.string(), sha256: z.string() });
/** Lines that are arrays say what comes; rows are objects. */
const mark = z.union([
  z.tuple([
    z.literal("backup"),
    z.object({
      format: z.literal(1),
      version: z.string(),
      at: z.iso.datetime(),
      migrations: z.array(z.object({ id: z.int(), checksum: z.string() })),
    }),
  ]),
  z.tuple([
    z.literal("table"),
    z.object({ name, columns: z.array(name), key: z.array(name), parts: z.array(z.object({ name, bound: z.string() })) }),
  ]),
  z.tuple([z.literal("file"), z.object({ name: z.string(), base64: z.base64() })]),
  z.tuple([
    z.literal("manifest"),
    z.object({
      tables: z.array(seal.extend({ rows: z.int() })),
      files: z.array(seal),
      blobs: z.array(z.object({ path: z.string(), size_bytes: z.int() })).default([]),
    }),
  ]),
]);

export type BackupPart =
  | DumpPart
  | { readonly kind: "header"; readonly header: BackupHeader }
  | { readonly kind: "file"; readonly file: HomeFile }
  /** The last one: everything before it was what it is to be. */
  | { readonly kind: "manifest"; readonly manifest: BackupManifest };

/** A backup part by part. @throws BackupError when it is none, was changed, or is not whole; the last part comes only when all is well */
export async function* readBackup(file: string, key: BackupKey): AsyncGenerator<BackupPart> {
  const tables: { readonly name: string; rows: number; readonly hash: ReturnType<typeof createHash> }[] = [];
  const files: BackupManifest["files"][number][] = [];
  let page: string[] = [];
  let hasBegun = false;
  let hasEnded = false;
  for await (const line of readSealed(file, key)) {
    if (hasEnded) throw new BackupError("the backup goes on behind its end");
    if (!line.startsWith("[")) {
      const table = tables.at(-1);
      if (table === undefined) throw new BackupError("the file is no backup of this program");
      table.hash.update(`${line}\n`);
      table.rows += 1;
      page.push(line);
      if (page.length < PAGE_ROWS) continue;
    }
    if (page.length > 0) yield { kind: "rows", rows: page };
    page = [];
    if (!line.startsWith("[")) continue;
    const [kind, what] = markOf(line);
    if ((kind === "backup") === hasBegun) throw new BackupError("the file is no backup of this program");
    switch (kind) {
      case "backup":
        hasBegun = true;
        yield { kind: "header", header: what };
        break;
      case "table":
        tables.push({ name: what.name, rows: 0, hash: createHash("sha256") });
        yield { kind: "table", table: what };
        break;
      case "file": {
        const found = { name: what.name, content: Buffer.from(what.base64, "base64") };
        files.push(sealOf(found));
        yield { kind: "file", file: found };
        break;
      }
      case "manifest": {
        hasEnded = true;
        const read = { tables: tables.map(({ hash, ...table }) => ({ ...table, sha256: hash.digest("hex") })), files };
        refuseOther({ ...read, blobs: what.blobs }, what);
        yield { kind: "manifest", manifest: what };
      }
    }
  }
  if (!hasEnded) throw new BackupError("the backup is not whole");
}

/** Reads a backup from end to end. @throws BackupError */
export async function verifyBackup(file: string, key: BackupKey): Promise<BackupReport> {
  let header: BackupHeader | undefined;
  let manifest: BackupManifest | undefined;
  for await (const part of readBackup(file, key)) {
    if (part.kind === "header") header = part.header;
    if (part.kind === "manifest") manifest = part.manifest;
  }
  if (header === undefined || manifest === undefined) throw new BackupError("the backup is not whole");
  return { header, manifest };
}

function markOf(line: string): z.infer<typeof mark> {
  try {
    return mark.parse(JSON.parse(line));
  } catch (cause) {
    throw new BackupError("the file is no backup of this program", { cause });
  }
}

function refuseOther(read: BackupManifest, sealed: BackupManifest): void {
  for (const kind of ["tables", "files"] as const) {
    const lines = (manifest: BackupManifest) => manifest[kind].map((one) => JSON.stringify(Object.entries(one).sort())).sort();
    const [is, shall] = [lines(read), lines(sealed)];
    if (is.join("\n") !== shall.join("\n")) throw new BackupError(`the ${kind} of the backup are not those that its manifest names`);
  }
}
