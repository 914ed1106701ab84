import { readFileSync } from "node:fs";
import type { CatalogKeys } from "@umbel/protocol";

const FOLDER = new URL("../../../install/", import.meta.url);
/** What may be written between the quotes of a shell: an origin as `URL` writes it, less what no host needs. */
const SAFE_ORIGIN = /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/;
const SAFE_KEYS = /^[\w{}[\]",:.-]+$/;

export const INSTALL_SCRIPTS = ["install.sh", "install.ps1"] as const;

/**
 * A script that installs Umbel, with what it is to lean on written into it.
 *
 * @param origin of the coordinator, as its configuration has it and never as a request says
 * @param keys of whoever makes releases
 * @throws RangeError for what a shell could read as more than text
 */
export function installScript(name: (typeof INSTALL_SCRIPTS)[number], origin: string, { keys }: CatalogKeys): string {
  const pinned = JSON.stringify({ keys: keys.map(({ kid, jwk: { kty, crv, x, y } }) => ({ kid, jwk: { kty, crv, x, y } })) });
  if (!SAFE_ORIGIN.test(origin) || !SAFE_KEYS.test(pinned)) throw new RangeError("the address or the keys are not safe in a script");
  return readFileSync(new URL(name, FOLDER), "utf8").replaceAll("__UMBEL_BASE_URL__", origin).replaceAll("__UMBEL_RELEASE_KEYS__", pinned);
}
