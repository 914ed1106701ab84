/** `1.2.3`, with a pre-release or build behind it. Source: catalog.md §20.1. */
export const RELEASE_VERSION = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+-]{1,64})?$/;

/** Which of two releases comes later: Semantic Versioning 2.0.0 §11, so 1.2.0-rc.1 before 1.2.0. @returns below 0 if `a` is the earlier */
export function releasePrecedence(a: string, b: string): number {
  const [first, second] = [parts(a), parts(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (first.numbers[index] ?? 0) - (second.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (first.pre.length === 0 || second.pre.length === 0) return second.pre.length - first.pre.length;
  for (let index = 0; index < Math.max(first.pre.length, second.pre.length); index += 1) {
    const difference = identifiers(first.pre[index], second.pre[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): { readonly numbers: readonly number[]; readonly pre: readonly string[] } {
  const [release = "", ...rest] = (version.split("+")[0] ?? "").split("-");
  const pre = rest.join("-");
  return { numbers: release.split(".").map(Number), pre: pre === "" ? [] : pre.split(".") };
}

function identifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}
