import { type DumpPart, migrationsHere, restoreDatabase, type Store } from "../store/index.js";
import { type HomeFile, refuseOtherFiles, writeHomeFiles } from "./home-files.js";
import { readBackup } from "./read-backup.js";
import { BackupError, type BackupHeader, type BackupKey, type BackupManifest, type BackupReport } from "./types.js";

export interface RestoreTarget {
  /** Nobody else uses it meanwhile. */
  readonly store: Pick<Store, "client">;
  /** Where keys and secrets are put. */
  readonly home: string;
}

/**
 * Fills an empty database and a home with what a backup holds: all of it or nothing. What was restored is read again and compared with the
 * manifest, and the books are proven, before anything counts.
 *
 * @throws BackupError, RestoreError
 */
export async function restoreBackup(file: string, key: BackupKey, { store, home }: RestoreTarget): Promise<BackupReport> {
  const files: HomeFile[] = [];
  let header: BackupHeader | undefined;
  let manifest: BackupManifest | undefined;

  async function* rows(): AsyncGenerator<DumpPart> {
    for await (const part of readBackup(file, key)) {
      switch (part.kind) {
        case "header":
          refuseOtherSchema(part.header);
          header = part.header;
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

  await restoreDatabase(store.client, rows(), () => manifest?.tables ?? []);
  await writeHomeFiles(home, files);
  if (header === undefined || manifest === undefined) throw new BackupError("the backup is not whole");
  return { header, manifest };
}

/** Rows fit the schema that they come from. @throws BackupError */
function refuseOtherSchema({ migrations, version, at }: BackupHeader): void {
  const here = migrationsHere();
  const isSame =
    here.length === migrations.length &&
    here.every(({ id, checksum }, index) => migrations[index]?.id === id && migrations[index]?.checksum === checksum);
  if (isSame) return;
  const isNewer = (migrations.at(-1)?.id ?? 0) > (here.at(-1)?.id ?? 0);
  const remedy = isNewer ? "use a program at least as new" : `restore it with version ${version}, and start this one on it afterwards`;
  throw new BackupError(`the backup of ${at} is of another schema: ${remedy}`);
}
