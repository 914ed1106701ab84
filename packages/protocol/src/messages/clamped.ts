import { z } from "zod";

// JSON text such as 1e999 parses to Infinity, which `z.number()` would refuse together with the whole message.
const anyNumber = z.custom<number>((value) => typeof value === "number" && !Number.isNaN(value), { error: "must be a number" });

/** A self-reported figure, forced into 0..`max`. */
export function clamped(max: number) {
  return anyNumber.transform((value) => Math.min(Math.max(value, 0), max));
}

/** A self-reported figure for which "unknown" is a safe reading: anything outside 0..`max` counts as absent. */
export function absentOutOfRange(max: number) {
  return z.number().nonnegative().max(max).optional().catch(undefined);
}
