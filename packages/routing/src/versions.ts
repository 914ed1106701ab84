const DOT = ".";
const ZERO = 48;
const NINE = 57;

/**
 * Whether a dotted release is at least a floor. A leading `v` is dropped and a missing or unparseable segment is 0, so that a prerelease
 * suffix makes its segment 0. No floor admits everything; an empty version fails every floor (routing.md §3). Runs for every machine of
 * every request, so it reads the texts in place.
 */
export function isVersionAtLeast(version: string, floor: string): boolean {
  if (floor === "" || version === floor) return true;
  if (version === "") return false;
  let at = segmentsStart(version);
  let floorAt = segmentsStart(floor);
  while (at < version.length || floorAt < floor.length) {
    const end = segmentEnd(version, at);
    const floorEnd = segmentEnd(floor, floorAt);
    const difference = segment(version, at, end) - segment(floor, floorAt, floorEnd);
    if (difference !== 0) return difference > 0;
    at = end + 1;
    floorAt = floorEnd + 1;
  }
  return true;
}

function segmentsStart(version: string): number {
  return version.startsWith("v") || version.startsWith("V") ? 1 : 0;
}

function segmentEnd(version: string, start: number): number {
  const dot = version.indexOf(DOT, start);
  return dot < 0 ? version.length : dot;
}

function segment(version: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const character = version.charCodeAt(i);
    if (character < ZERO || character > NINE) return 0;
    value = value * 10 + character - ZERO;
  }
  return value;
}
