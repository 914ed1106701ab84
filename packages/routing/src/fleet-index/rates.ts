/** Rates are classed by powers of the square root of two: a bound from the class is at most that much too low. */
const CLASSES_PER_DOUBLING = 2;
const CLASS_OFFSET = 32;
const CLASS_BITS = 7;
const CLASSES = 1 << CLASS_BITS;

/** By class; the highest has no end. */
const FASTEST_tps: readonly number[] = Array.from({ length: CLASSES }, (_, rateClass) =>
  rateClass === CLASSES - 1 ? Number.POSITIVE_INFINITY : 2 ** ((rateClass - CLASS_OFFSET) / CLASSES_PER_DOUBLING),
);

/** One number for the classes of both rates that a request's length is divided by. */
export function rateCode(decode_tps: number, prefill_tps: number): number {
  return (classOf(decode_tps) << CLASS_BITS) | classOf(prefill_tps);
}

/** No machine of the code writes faster. */
export function fastestDecode_tps(code: number): number {
  return FASTEST_tps[code >> CLASS_BITS] ?? Number.POSITIVE_INFINITY;
}

/** No machine of the code reads faster. */
export function fastestPrefill_tps(code: number): number {
  return FASTEST_tps[code & (CLASSES - 1)] ?? Number.POSITIVE_INFINITY;
}

function classOf(rate_tps: number): number {
  return Math.min(Math.max(Math.ceil(CLASSES_PER_DOUBLING * Math.log2(rate_tps)) + CLASS_OFFSET, 0), CLASSES - 1);
}
