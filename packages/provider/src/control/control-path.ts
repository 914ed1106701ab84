import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import { CONTROL_LIMITS } from "./limits.js";

/**
 * Where the provider of a home listens: a socket in the home, whose folder only its owner may enter. Where that path would be too long it is in
 * the folder for temporary files, and a named pipe on Windows; both are named by the home.
 */
export function controlPath(home: string, platform: NodeJS.Platform = process.platform): string {
  const name = `umbel-${createHash("sha256").update(path.resolve(home)).digest("hex").slice(0, 16)}`;
  if (platform === "win32") return `\\\\.\\pipe\\${name}`;
  const inHome = path.join(path.resolve(home), "control.sock");
  return Buffer.byteLength(inHome) <= CONTROL_LIMITS.path_bytes_max ? inHome : path.join(tmpdir(), `${name}.sock`);
}
