import type { Clock } from "@umbel/protocol";
import type { ChangeChannel, Store } from "./store.js";

export interface RowCacheLimits {
  readonly entries_max: number;
  /** Bound on staleness if a change notice is lost. */
  readonly ttl_ms: number;
}

export interface RowCacheOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Its notices make every entry void. */
  readonly channel: ChangeChannel;
  readonly found: RowCacheLimits;
  /** Kept apart, so that made-up keys cannot push out real rows. */
  readonly missing: RowCacheLimits;
}

/** Rows by key, least recently used last to stay, void as soon as any process changes the table. */
export interface RowCache<Row> {
  /** The cached row, or what `load` finds; simultaneous readers share one load. Failures are not cached. */
  read(key: string, load: () => Promise<Row | undefined>): Promise<Row | undefined>;
  /** To be called before and after a change of our own, whose notice takes a moment. */
  invalidate(): void;
  close(): Promise<void>;
}

interface Entry<Row> {
  readonly row: Row | undefined;
  readonly generation: number;
  readonly loadedAt_ms: number;
}

/** Opens the cache once the change channel is listening. @throws when the database does not answer */
export async function createRowCache<Row>(options: RowCacheOptions): Promise<RowCache<Row>> {
  const { clock } = options;
  const found = new Map<string, Entry<Row>>();
  const missing = new Map<string, Entry<Row>>();
  const loads = new Map<string, Promise<Row | undefined>>();
  let generation = 0;

  function invalidate(): void {
    generation += 1;
    found.clear();
    missing.clear();
    loads.clear();
  }

  function lookUp(key: string): Entry<Row> | undefined {
    for (const [entries, limits] of [
      [found, options.found],
      [missing, options.missing],
    ] as const) {
      const entry = entries.get(key);
      if (!entry) continue;
      entries.delete(key);
      if (clock.now_ms() - entry.loadedAt_ms >= limits.ttl_ms) continue;
      entries.set(key, entry);
      return entry;
    }
    return undefined;
  }

  function keep(key: string, entry: Entry<Row>): void {
    // Stamped with the generation before the query: what was read before a change is not kept after it.
    if (entry.generation !== generation) return;
    const [entries, limits] = entry.row === undefined ? [missing, options.missing] : [found, options.found];
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= limits.entries_max) break;
      entries.delete(oldest);
    }
  }

  async function loadInto(key: string, load: () => Promise<Row | undefined>): Promise<Row | undefined> {
    const stamp = { generation, loadedAt_ms: clock.now_ms() };
    const row = await load();
    keep(key, { row, ...stamp });
    return row;
  }

  const unlisten = await options.store.onChange(options.channel, invalidate);
  return {
    async read(key, load) {
      const entry = lookUp(key);
      if (entry) return entry.row;
      const running = loads.get(key);
      if (running) return running;
      const started = loadInto(key, load);
      loads.set(key, started);
      try {
        return await started;
      } finally {
        if (loads.get(key) === started) loads.delete(key);
      }
    },
    invalidate,
    close: unlisten,
  };
}
