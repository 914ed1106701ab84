const BYTES_PER_GIB = 2 ** 30;

/** Memory figures of machines are GiB (2^30 bytes), whatever the suffix of their wire name says. */
export function gib(bytes: number): number {
  return bytes / BYTES_PER_GIB;
}
