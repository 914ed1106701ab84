import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { type CatalogKeys, catalogKeys, type DeviceKey, deviceThumbprint } from "@umbel/protocol";
import { z } from "zod";
import { SourceError } from "./source-error.js";

const pinned = z.record(z.string(), catalogKeys.shape.keys);
type Pinned = z.infer<typeof pinned>;

/** Whose signatures this machine accepts, by coordinator: the keys that it saw first, or the one that its owner has named. */
export interface CatalogPins {
  /** @param read asks the coordinator; only where none is pinned yet */
  keysOf(coordinator: string, read: () => Promise<CatalogKeys["keys"]>): Promise<readonly DeviceKey[]>;
}

/** @param options.named RFC 7638 thumbprint of the only key to accept; takes the place of what was pinned */
export function createCatalogPins(options: { readonly home: string; readonly named?: string }): CatalogPins {
  const file = path.join(options.home, "catalog-keys.json");
  return {
    async keysOf(coordinator, read) {
      const all = await readPinned(file);
      const known = all[coordinator];
      if (known !== undefined && (options.named === undefined || known.some(({ kid }) => kid === options.named))) {
        return known.filter(({ kid }) => options.named === undefined || kid === options.named).map(({ jwk }) => jwk);
      }
      const offered = (await genuine(await read())).filter(({ kid }) => options.named === undefined || kid === options.named);
      if (offered.length === 0) throw new SourceError("signature_refused", `the coordinator does not have the key ${options.named}`);
      await writePinned(file, { ...all, [coordinator]: offered });
      return offered.map(({ jwk }) => jwk);
    },
  };
}

/** A key is its thumbprint, whatever it is called. */
async function genuine(keys: CatalogKeys["keys"]): Promise<CatalogKeys["keys"]> {
  const named = await Promise.all(keys.map(async (key) => ((await deviceThumbprint(key.jwk)) === key.kid ? [key] : [])));
  return named.flat();
}

/** A file that cannot be read must not pass for one that pins nothing. */
async function readPinned(file: string): Promise<Pinned> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
  try {
    return pinned.parse(JSON.parse(text));
  } catch (cause) {
    throw new SourceError("signature_refused", `${file} is damaged: restore it, or delete it to pin the catalogue's key anew`, { cause });
  }
}

async function writePinned(file: string, contents: Pinned): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(contents, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
}
