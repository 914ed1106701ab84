import { type DumpPart, relationOf, restoreDatabase, type Store } from "../store/index.js";
import { missingBlobs } from "./blobs.js";
import { type HomeFile, refuseOtherFiles, writeHomeFiles } from "./home-files.js";
import { readBackup } from "./read-backup.js";
import { BackupError, type BackupHeader, type BackupKey, type BackupManifest, type BackupReport, type BlobReference } from "./types.js";

export interface RestoreTarget {
  /** Nobody else uses it meanwhile. */
  readonly store: Pick<Store, "client">;
  /** Where keys and secrets are put. */
  readonly home: string;
}

export interface RestoreReport extends BackupReport {
  /** Migrations that the backup did not have yet. */
  readonly migrated: number;
  /** Files of models that lay with the coordinator, and are not in this home. */
  readonly missing: readonly BlobReference[];
}

/**
 * Fills an empty database and a home with what a backup holds: all of it or nothing. What was restored is read again and compared with the
 * manifest, and the books are proven, before anything counts. A backup of an older schema is brought up to date.
 *
 * @throws BackupError, RestoreError
 */
export async function restoreBackup(file: string, key: BackupKey, { store, home }: RestoreTarget): Promise<RestoreReport> {
  const files: HomeFile[] = [];
  let header: BackupHeader | undefined;
  let manifest: BackupManifest | undefined;

  async function* rows(): AsyncGenerator<DumpPart> {
    for await (const part of readBackup(file, key)) {
      switch (part.kind) {
        case "header":
          refuseOtherSchema(part.header);
          header = part.header;
          yield { kind: "schema", applied: header.migrations };
          break;
        case "file":
          files.push(part.file);
          break;
        case "manifest":
          manifest = part.manifest;
          // Before the database is filled for good, so that what fails here leaves it empty.
          await refuseOtherFiles(home, files);
          break;
        default:
          yield part;
      }
    }
  }

  const migrated = await restoreDatabase(store.client, rows(), () => manifest?.tables ?? []);
  await writeHomeFiles(home, files);
  if (header === undefined || manifest === undefined) throw new BackupError("the backup is not whole");
  return { header, manifest, migrated, missing: await missingBlobs(home, manifest.blobs) };
}

/** @throws BackupError for a schema that this program does not come from */
function refuseOtherSchema({ migrations, version, at }: BackupHeader): void {
  const relation = relationOf(migrations);
  if (relation === "same" || relation === "older") return;
  const remedy = relation === "newer" ? "use a program at least as new" : `restore it with version ${version}`;
  throw new BackupError(`the backup of ${at} is of another schema: ${remedy}`);
}
