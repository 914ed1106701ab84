import { LATE_CHUNK_LIMITS } from "./settings.js";

/** When to ask again that a provider stop sending what nobody waits for: rarely, and for a bounded number of requests. */
export class LateCancels {
  readonly #sentAt_ms = new Map<string, number>();

  /** Whether a cancel is due now; then it counts as sent. */
  isDue(sessionId: string, requestId: string, now_ms: number): boolean {
    const key = `${sessionId}/${requestId}`;
    const sentAt_ms = this.#sentAt_ms.get(key);
    if (sentAt_ms !== undefined && now_ms - sentAt_ms < LATE_CHUNK_LIMITS.cancelEvery_ms) return false;
    this.#sentAt_ms.delete(key);
    this.#sentAt_ms.set(key, now_ms);
    if (this.#sentAt_ms.size > LATE_CHUNK_LIMITS.requests_max) {
      const [oldest] = this.#sentAt_ms.keys();
      if (oldest !== undefined) this.#sentAt_ms.delete(oldest);
    }
    return true;
  }
}
