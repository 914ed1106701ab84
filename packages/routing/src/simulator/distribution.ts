import { z } from "zod";

const positive = z.number().nonnegative();

const shape = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("fixed"), value: positive }),
  z.strictObject({ kind: z.literal("uniform"), min: positive, max: positive }),
  /** Every factor is as likely as any other: from 8 to 160 there are as many between 8 and 16 as between 80 and 160. */
  z.strictObject({ kind: z.literal("log_uniform"), min: z.number().positive(), max: z.number().positive() }),
  /** Half are below `median`; one in ten is above `p90`. */
  z.strictObject({ kind: z.literal("lognormal"), median: z.number().positive(), p90: z.number().positive(), max: positive.optional() }),
  z.strictObject({
    kind: z.literal("choice"),
    values: z.array(z.strictObject({ value: positive, weight: z.number().positive().default(1) })).min(1),
  }),
]);

/** How a figure of a scenario varies. A plain number is always that number. */
export const distribution = z.preprocess((value) => (typeof value === "number" ? { kind: "fixed", value } : value), shape);
export type Distribution = z.infer<typeof distribution>;

/** Draws one value. */
export function draw(from: Distribution, random: () => number): number {
  switch (from.kind) {
    case "fixed":
      return from.value;
    case "uniform":
      return from.min + (from.max - from.min) * random();
    case "log_uniform":
      return from.min * (from.max / from.min) ** random();
    case "lognormal":
      return Math.min(from.max ?? Number.POSITIVE_INFINITY, from.median * (from.p90 / from.median) ** (normal(random) / P90_SIGMAS));
    case "choice":
      return from.values[weighted(from.values, random)]?.value ?? 0;
  }
}

/** Draws an index of weighted entries. */
export function weighted(entries: readonly { readonly weight: number }[], random: () => number): number {
  let left = random() * entries.reduce((sum, { weight }) => sum + weight, 0);
  for (const [index, { weight }] of entries.entries()) {
    left -= weight;
    if (left < 0) return index;
  }
  return entries.length - 1;
}

/** Time to the next of events that come at random, `rate` of them in a unit of time. */
export function exponential(rate: number, random: () => number): number {
  return -Math.log(1 - random()) / rate;
}

/** Draws ranks of which the n-th is as frequent as 1 / n^exponent; exponent 0 makes all alike. Ranks count from 0. */
export function zipf(count: number, exponent: number): (random: () => number) => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -exponent;
    sums[rank] = sum;
  }
  return (random) => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The ninetieth percentile of the normal distribution, in standard deviations. */
const P90_SIGMAS = 1.2815515655446004;

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
