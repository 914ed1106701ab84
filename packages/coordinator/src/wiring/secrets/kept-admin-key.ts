import { randomBytes } from "node:crypto";
import path from "node:path";
import { keptFile } from "./secret-file.js";

/** Relative to the home. */
const ADMIN_KEY_FILE = "admin-key";
const KEY_BYTES = 32;

/** The operator's key of a coordinator that was given none: made at the first start, and readable by whoever may read the home anyway. */
export async function keptAdminKey(home: string): Promise<string> {
  const bytes = await keptFile(path.join(home, ADMIN_KEY_FILE), async () =>
    Buffer.from(`umbel-admin-${randomBytes(KEY_BYTES).toString("hex")}\n`),
  );
  return Buffer.from(bytes).toString("utf8").trim();
}
