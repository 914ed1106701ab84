import { SMALL_MAX } from "./small.js";

/** Rates are classed by powers of the fourth root of two: a bound from the class is at most that much too low, a fifth. */
const CLASSES_PER_DOUBLING = 4;
/** The first class ends at a sixteenth of a token per second, the last begins beyond all that is real. */
const CLASS_OFFSET = 4 * CLASSES_PER_DOUBLING;
const CLASS_BITS = 8;
const CLASSES = 1 << CLASS_BITS;

/** By class; the highest has no end. */
const FASTEST_tps: readonly number[] = Array.from({ length: CLASSES }, (_, rateClass) =>
  rateClass === CLASSES - 1 ? Number.POSITIVE_INFINITY : 2 ** ((rateClass - CLASS_OFFSET) / CLASSES_PER_DOUBLING),
);

interface MilliRates {
  readonly decode_milli_tps: number;
  readonly prefill_milli_tps: number;
}

/** One number for the classes of both rates that a request's length is divided by. */
export function rateCode({ decode_milli_tps, prefill_milli_tps }: MilliRates): number {
  return (classOf(decode_milli_tps) << CLASS_BITS) | classOf(prefill_milli_tps);
}

/** No machine of the code writes faster. */
export function fastestDecode_tps(code: number): number {
  return fastest_tps(code >> CLASS_BITS);
}

/** Every machine of the code writes at least as fast. */
export function slowestDecode_tps(code: number): number {
  return slowest_tps(code >> CLASS_BITS);
}

/** No machine of the code reads faster. */
export function fastestPrefill_tps(code: number): number {
  return fastest_tps(code & (CLASSES - 1));
}

/** Every machine of the code reads at least as fast. */
export function slowestPrefill_tps(code: number): number {
  return slowest_tps(code & (CLASSES - 1));
}

function fastest_tps(rateClass: number): number {
  return FASTEST_tps[rateClass] ?? Number.POSITIVE_INFINITY;
}

function slowest_tps(rateClass: number): number {
  return FASTEST_tps[rateClass - 1] ?? 0;
}

function classOf(milli_tps: number): number {
  if (milli_tps === SMALL_MAX) return CLASSES - 1;
  return Math.min(Math.max(Math.ceil(CLASSES_PER_DOUBLING * Math.log2(milli_tps / 1000)) + CLASS_OFFSET, 0), CLASSES - 1);
}

/** The rates of one cell, as closely as a small number tells: within a hundredth. */
const CLOSE_CLASSES_PER_DOUBLING = 64;
const CLOSE_OFFSET = 4 * CLOSE_CLASSES_PER_DOUBLING;
const CLOSE_BITS = 11;
const CLOSE_CLASSES = 1 << CLOSE_BITS;

const CLOSE_FASTEST_tps = Float64Array.from({ length: CLOSE_CLASSES }, (_, rateClass) =>
  rateClass === CLOSE_CLASSES - 1 ? Number.POSITIVE_INFINITY : 2 ** ((rateClass - CLOSE_OFFSET) / CLOSE_CLASSES_PER_DOUBLING),
);

export function closeRateCode({ decode_milli_tps, prefill_milli_tps }: MilliRates): number {
  return (closeClassOf(decode_milli_tps) << CLOSE_BITS) | closeClassOf(prefill_milli_tps);
}

/** The cell writes no faster; and at least as fast, and so on. */
export function fastestCloseDecode_tps(code: number): number {
  return CLOSE_FASTEST_tps[code >> CLOSE_BITS] ?? Number.POSITIVE_INFINITY;
}

export function slowestCloseDecode_tps(code: number): number {
  return CLOSE_FASTEST_tps[(code >> CLOSE_BITS) - 1] ?? 0;
}

export function fastestClosePrefill_tps(code: number): number {
  return CLOSE_FASTEST_tps[code & (CLOSE_CLASSES - 1)] ?? Number.POSITIVE_INFINITY;
}

export function slowestClosePrefill_tps(code: number): number {
  return CLOSE_FASTEST_tps[(code & (CLOSE_CLASSES - 1)) - 1] ?? 0;
}

function closeClassOf(milli_tps: number): number {
  if (milli_tps === SMALL_MAX) return CLOSE_CLASSES - 1;
  return Math.min(Math.max(Math.ceil(CLOSE_CLASSES_PER_DOUBLING * Math.log2(milli_tps / 1000)) + CLOSE_OFFSET, 0), CLOSE_CLASSES - 1);
}
