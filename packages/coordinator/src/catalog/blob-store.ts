import { stat } from "node:fs/promises";
import path from "node:path";
import { assertSafePath, type Manifest, type ManifestFile } from "@umbel/protocol";

/** Below the home: files of builds that this coordinator hands out itself, as `<prefix>/<path>`. */
export const BLOBS_DIRECTORY = "blobs";

/** Files of builds that lie with the coordinator, so that a network needs no object store. */
export interface BlobStore {
  /** Whether every file of the build is here. */
  holds(manifest: Manifest): Promise<boolean>;
  /** @returns where the file is; undefined when it is not here, or has another size */
  locate(manifest: Manifest, file: ManifestFile): Promise<string | undefined>;
}

/**
 * @param home of the coordinator
 * @param bundled directories of models by the prefix of their manifests
 */
export function createBlobStore(home: string, bundled: ReadonlyMap<string, string>): BlobStore {
  const root = path.join(home, BLOBS_DIRECTORY);

  async function locate({ prefix }: Manifest, file: ManifestFile): Promise<string | undefined> {
    assertSafePath(file.path);
    const directories = [bundled.get(prefix), path.join(root, ...prefix.split("/"))];
    for (const directory of directories) {
      if (directory === undefined) continue;
      const location = path.join(directory, ...file.path.split("/"));
      if ((await sizeOf(location)) === file.size_bytes) return location;
    }
    return undefined;
  }

  return {
    locate,
    async holds(manifest) {
      for (const file of manifest.files) if ((await locate(manifest, file)) === undefined) return false;
      return true;
    },
  };
}

async function sizeOf(location: string): Promise<number | undefined> {
  try {
    const found = await stat(location);
    return found.isFile() ? found.size : undefined;
  } catch {
    // Whatever cannot be looked at is not here.
    return undefined;
  }
}
