/** Rest for a pair of machine and build after a failed load (routing.md §11.1). */
export const LOAD_COOLDOWN_MS = 120_000;

/**
 * The monotonic instant until which a pair of machine and build rests; 0 is not at all. Keep it by machine id, so that a reconnect does
 * not clear it.
 *
 * @param until_ms the pair's instant so far, 0 if none
 * @param event `load_failed`, or `completed` when a request for the pair ended well
 */
export function loadCooldown(until_ms: number, event: "load_failed" | "completed", now_ms: number): number {
  return event === "completed" ? 0 : Math.max(until_ms, now_ms + LOAD_COOLDOWN_MS);
}
