import { readFileSync, statSync } from "node:fs";

/**
 * The private key of the address that pays, from a file that its owner alone can read.
 *
 * @throws when others may read it, too, or it holds something else; never with what it holds
 */
export function readChainKey(file: string): string {
  // Windows keeps rights elsewhere.
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} (UMBEL_CHAIN_KEY_FILE) can be read by others: chmod 600 ${file}`);
  const key = readFileSync(file, "utf8").trim();
  if (!/^0x[0-9a-fA-F]{64}$/.test(key)) throw new Error(`${file} (UMBEL_CHAIN_KEY_FILE) holds no key: 0x and 64 hexadecimal digits`);
  return key;
}
