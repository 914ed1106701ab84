import { createHash } from "node:crypto";

/**
 * Whether something belongs to the first `percent` of all things like it. The same one always belongs or does not, and one that belongs to a
 * share belongs to every greater one, so that a share can grow without anybody moving back.
 *
 * @param parts what names it, in order
 */
export function inShare(percent: number, ...parts: readonly string[]): boolean {
  if (percent >= 100) return true;
  const digest = createHash("sha256").update(JSON.stringify(parts)).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100 < percent;
}
