import { CliError, EXIT_CODES } from "../exit-codes.js";

/** Reads `1,3`, `2-4` or `all` as places in a list of so many, from 0. @throws CliError for anything else */
export function parseChoice(text: string, count: number): readonly number[] {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === "") return [];
  if (trimmed === "all") return Array.from({ length: count }, (_, index) => index);
  const chosen = new Set<number>();
  for (const part of trimmed.split(/[\s,]+/)) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (!(from >= 1) || !(to >= from) || to > count) {
      throw new CliError(`"${part}" is not a number from 1 to ${count}.`, EXIT_CODES.usage, "Give numbers such as 1,3 or 2-4, or all.");
    }
    for (let number = from; number <= to; number++) chosen.add(number - 1);
  }
  return [...chosen].sort((a, b) => a - b);
}
