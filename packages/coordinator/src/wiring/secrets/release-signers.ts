import { readFileSync } from "node:fs";
import { type CatalogKeys, catalogKeys } from "@umbel/protocol";

/** Public keys of whoever makes releases. @throws for a file that holds none: an installer without them would let anybody in */
export function readReleaseSigners(file: string): CatalogKeys {
  try {
    return catalogKeys.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new Error(`${file} (UMBEL_RELEASE_SIGNERS) holds no public keys: umbel admin releases key writes such a file`, { cause });
  }
}
