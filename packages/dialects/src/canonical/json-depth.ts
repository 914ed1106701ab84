/** Deepest nesting accepted in anything that comes from outside: recursive code downstream must not run out of stack (api.md §7). */
export const JSON_DEPTH_MAX = 512;

/** Whether a JSON value has more than `levels` containers inside one another. A scalar has none. Walks level by level, never recursively. */
export function nestsDeeperThan(value: unknown, levels: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > levels) return true;
    const next: object[] = [];
    for (const container of level) {
      for (const child of Object.values(container)) if (isContainer(child)) next.push(child);
    }
    level = next;
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
