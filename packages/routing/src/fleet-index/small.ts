/** What V8 keeps as a small integer wherever it runs. A number of any other kind takes three times the memory. */
export const SMALL_MAX = 2 ** 30 - 1;

/** At least as much as the number, if not too much: the largest stands for all that is larger. */
export function small(number: number): number {
  return Math.min(Math.ceil(number), SMALL_MAX);
}
