import type { Clock } from "@umbel/protocol";
import { type ChangeChannel, catalogRepository, databaseFailure, type Store, type Tx } from "../store/index.js";
import { checkAlias, checkBuild, writeAlias, writeBuild } from "./changes.js";
import { type Snapshot, toSnapshot } from "./snapshot.js";
import type { Catalog } from "./types.js";

/** Covers a change notice that was lost (catalog.md §24). */
export const REFRESH_INTERVAL_MS = 60_000;
/** After a refresh that failed. */
export const REFRESH_RETRY_MS = 5_000;
/** A change that loses against another process is tried this many times. */
const CHANGE_ATTEMPTS_MAX = 5;
/** A build carries its price. */
const CHANNELS: readonly ChangeChannel[] = ["umbel_catalog", "umbel_prices"];

export interface CatalogDependencies {
  readonly store: Pick<Store, "db" | "onChange">;
  readonly clock: Clock;
  /** Told when a refresh that nobody waits for fails. The catalogue stays as it was, and is tried again. */
  readonly onRefreshFailed: (error: unknown) => void;
}

export interface CatalogService extends Catalog {
  /** Ends refreshing, and waits for what is under way. To be called before the store closes. */
  close(): Promise<void>;
}

/**
 * Opens the catalogue: reads it whole, then follows every change, by whatever process. Reads never wait; a failed refresh keeps what was
 * there. `register` and `setAlias` throw CatalogError when they refuse, and the database's own error when it does not answer; both may be
 * repeated.
 *
 * @throws when the database does not answer or holds what the catalogue never wrote
 */
export async function createCatalog(dependencies: CatalogDependencies): Promise<CatalogService> {
  const { store, clock, onRefreshFailed } = dependencies;
  let snapshot: Snapshot = toSnapshot({ builds: [], aliases: [] });
  /** Changes and refreshes take turns, so that an older reading never replaces a newer one. */
  let turn: Promise<unknown> = Promise.resolve();
  let nextRefresh: Promise<void> | undefined;
  let cancelTimer = (): void => undefined;
  let closed = false;
  const unlisten: (() => Promise<void>)[] = [];

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = turn.then(task);
    // The failure belongs to who asked for the task, not to who comes next.
    turn = result.catch(() => undefined);
    return result;
  }

  async function load(): Promise<void> {
    let delay_ms = REFRESH_RETRY_MS;
    try {
      const readOnly = { isolationLevel: "repeatable read", accessMode: "read only" } as const;
      snapshot = toSnapshot(await store.db.transaction((tx) => catalogRepository.read(tx), readOnly));
      delay_ms = REFRESH_INTERVAL_MS;
    } finally {
      cancelTimer();
      if (!closed) cancelTimer = clock.setTimer(delay_ms, refreshUnattended, "background");
    }
  }

  /** Those who ask before a refresh has begun share it. */
  function refresh(): Promise<void> {
    nextRefresh ??= inTurn(() => {
      nextRefresh = undefined;
      return load();
    });
    return nextRefresh;
  }

  function refreshUnattended(): void {
    if (nextRefresh || closed) return;
    refresh().catch((error: unknown) => {
      if (!closed) onRefreshFailed(error);
    });
  }

  function change(body: (tx: Tx) => Promise<void>): Promise<void> {
    return inTurn(async () => {
      await untilNoConflict(() => store.db.transaction(body, { isolationLevel: "serializable" }));
      await load();
    });
  }

  async function close(): Promise<void> {
    closed = true;
    cancelTimer();
    await Promise.all(unlisten.splice(0).map((end) => end()));
    await turn;
  }

  try {
    for (const channel of CHANNELS) unlisten.push(await store.onChange(channel, refreshUnattended));
    await refresh();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    resolve: (name) => snapshot.models.get(name),
    builds: () => snapshot.builds,
    aliases: () => snapshot.aliases,
    async register(build) {
      const checked = checkBuild(build);
      await change((tx) => writeBuild(tx, checked, clock.date()));
    },
    async setAlias(alias) {
      checkAlias(alias);
      await change((tx) => writeAlias(tx, alias, clock.date()));
    },
    refresh,
    close,
  };
}

async function untilNoConflict(attempt: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (attempts === CHANGE_ATTEMPTS_MAX || !isConflict(error)) throw error;
    }
  }
}

/** The query builder wraps the driver's error. */
function isConflict(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return databaseFailure(error) === "conflict" || databaseFailure(cause) === "conflict";
}
