/** What of a file is asked for; `end` is the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * One range of a `Range` header (RFC 9110 §14). Several ranges, and what is no range of bytes, count as none, which the standard allows.
 *
 * @returns undefined for the whole file, `unsatisfiable` for a range that begins behind its end
 */
export function byteRange(header: string | undefined, size_bytes: number): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    if (Number(last) === 0 || size_bytes === 0) return "unsatisfiable";
    return { start: Math.max(0, size_bytes - Number(last)), end: size_bytes - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size_bytes) return "unsatisfiable";
  return { start, end: last === "" ? size_bytes - 1 : Math.min(Number(last), size_bytes - 1) };
}
