/** A boundary in a prompt: everything before it, as a key that tells nothing of it, and how long that is. */
export interface PrefixMark {
  /** Equal for equal prefixes of one account and build, and for no others. */
  readonly key: string;
  /** Of the prefix, estimated. */
  readonly tokens: number;
}

export interface AffinityLimits {
  /** How long a machine is expected to keep a prefix that nobody asks for. */
  readonly ttl_ms: number;
  /** Prefixes remembered; the one used least recently is forgotten first. */
  readonly entries_max: number;
}

/** Who holds which prefix, as far as answers have shown. Kept in memory only. */
export class AffinityTable {
  /** Least recently used first. */
  readonly #holders = new Map<string, { readonly machineId: string; readonly tokens: number; used_ms: number }>();

  constructor(private readonly limits: AffinityLimits) {}

  get size(): number {
    return this.#holders.size;
  }

  /**
   * The machine that holds the longest of the prefixes, and how many tokens of it.
   *
   * @param marks shortest first
   */
  holderOf(marks: readonly PrefixMark[], now_ms: number): { readonly machineId: string; readonly tokens: number } | undefined {
    for (let index = marks.length - 1; index >= 0; index -= 1) {
      const mark = marks[index];
      const entry = mark && this.#holders.get(mark.key);
      if (mark === undefined || entry === undefined) continue;
      this.#holders.delete(mark.key);
      if (now_ms - entry.used_ms >= this.limits.ttl_ms) continue;
      entry.used_ms = now_ms;
      this.#holders.set(mark.key, entry);
      return { machineId: entry.machineId, tokens: Math.min(entry.tokens, mark.tokens) };
    }
    return undefined;
  }

  /** The machine has begun to answer a prompt with these marks: it holds them all now. */
  served(marks: readonly PrefixMark[], machineId: string, now_ms: number): void {
    for (const { key, tokens } of marks) {
      this.#holders.delete(key);
      this.#holders.set(key, { machineId, tokens, used_ms: now_ms });
    }
    while (this.#holders.size > this.limits.entries_max) {
      const [oldest] = this.#holders.keys();
      if (oldest === undefined) return;
      this.#holders.delete(oldest);
    }
  }
}
