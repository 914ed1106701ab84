/**
 * Whether a dotted release is at least a floor. A leading `v` is dropped and a missing or unparseable segment is 0, so that a prerelease
 * suffix makes its segment 0. No floor admits everything; an empty version fails every floor (routing.md §3).
 */
export function isVersionAtLeast(version: string, floor: string): boolean {
  if (floor === "" || version === floor) return true;
  if (version === "") return false;
  const has = segments(version);
  const needs = segments(floor);
  for (let i = 0; i < Math.max(has.length, needs.length); i++) {
    const difference = (has[i] ?? 0) - (needs[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function segments(version: string): number[] {
  return version
    .replace(/^v/i, "")
    .split(".")
    .map((segment) => (/^\d+$/.test(segment) ? Number(segment) : 0));
}
