/** Decimal digits of an integer that a grammar lets a model write; beyond, no double is exact. */
const DIGITS_MAX = 16;

/**
 * GBNF for the integers from `min` to `max`, each included; an open side ends where integers of 16 digits do. Undefined when there is none.
 *
 * @param min integer; -Infinity is none
 * @param max integer; Infinity is none
 */
export function integerRange(min: number, max: number): string | undefined {
  const negative = max < 0 || min < 0 ? magnitudes(max < 0 ? digits(-max) : "1", min === -Infinity ? undefined : digits(-min)) : [];
  const positive = max >= 0 ? magnitudes(min > 0 ? digits(min) : "0", max === Infinity ? undefined : digits(max)) : [];
  const alternatives = [...positive, ...negative.map((magnitude) => `"-" ${group(magnitude)}`)];
  return min > max || alternatives.length === 0 ? undefined : alternatives.join(" | ");
}

function digits(value: number): string {
  return BigInt(value).toString();
}

/** Alternatives for the natural numbers between two, one for every length and more where a digit binds the next. */
function magnitudes(low: string, high: string | undefined): string[] {
  const top = high === undefined || high.length > DIGITS_MAX ? "9".repeat(DIGITS_MAX) : high;
  const found: string[] = [];
  for (let length = low.length; length <= top.length; length += 1) {
    const least = length === low.length ? low : `1${"0".repeat(length - 1)}`;
    const most = length === top.length ? top : "9".repeat(length);
    if (least <= most) found.push(between(least, most));
  }
  return found;
}

/** Numbers of equal length, `low` at most `high`. */
function between(low: string, high: string): string {
  if (low === "") return '""';
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const [least, most] = ["0".repeat(lowRest.length), "9".repeat(lowRest.length)];
  if (first === last) return lowRest === "" ? `"${first}"` : `"${first}" ${group(between(lowRest, highRest))}`;
  const branches: string[] = [];
  // Digits behind which anything may stand; those at the ends may bind the rest.
  const [from, to] = [lowRest === least ? first : first + 1, highRest === most ? last : last - 1];
  if (from > first) branches.push(`"${first}" ${group(between(lowRest, most))}`);
  if (from <= to) branches.push(`[${from}-${to}]${lowRest === "" ? "" : ` [0-9]{${lowRest.length}}`}`);
  if (to < last) branches.push(`"${last}" ${group(between(least, highRest))}`);
  return branches.join(" | ");
}

function group(body: string): string {
  return `(${body})`;
}
