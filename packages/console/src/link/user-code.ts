const LETTERS = /[^A-Z0-9]/g;
const HALF = 4;

/** As machines show it, `ABCD-EFGH`, from whatever was typed, pasted or followed: at most eight letters and digits. */
export function shownCode(typed: string): string {
  const letters = typed
    .toUpperCase()
    .replace(LETTERS, "")
    .slice(0, 2 * HALF);
  return letters.length > HALF ? `${letters.slice(0, HALF)}-${letters.slice(HALF)}` : letters;
}

export function isWhole(code: string): boolean {
  return code.length === 2 * HALF + 1;
}
