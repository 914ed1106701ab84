import { readFile } from "node:fs/promises";
import path from "node:path";

/** Relative to the coordinator's home; there until somebody has the first account. */
const SETUP_TOKEN_FILE = "setup-token";

/** How the first account of a coordinator is made, for whoever has started it; nothing once there is one. The token stays in the browser's hands. */
export async function setupHint(home: string, url: string): Promise<readonly string[]> {
  const token = await readFile(path.join(home, SETUP_TOKEN_FILE), "utf8").catch(() => undefined);
  return token === undefined ? [] : [`Nobody has an account with it yet. Make the first one, an operator's: ${url}/setup#${token.trim()}`];
}
