import type { Clock } from "@umbel/protocol";
import { auditRepository, type ChangeChannel, catalogRepository, databaseFailure, type Store, type Tx } from "../store/index.js";
import { deleteAlias, putAlias, rollbackAlias } from "./changes/alias.js";
import { checkAlias, checkBuild, checked } from "./changes/check.js";
import {
  removeVersion,
  revoke,
  setCapabilities,
  setDeprecationDate,
  setMetadata,
  setPrices,
  setRuntimeParameters,
  setStatus,
  verified,
} from "./changes/life-cycle.js";
import { overview } from "./changes/overview.js";
import { promote, rollback } from "./changes/promote.js";
import type { By } from "./changes/recorded.js";
import { registerVersion } from "./changes/register-version.js";
import * as schemas from "./schemas.js";
import { EMPTY, toSnapshot, toUnverified } from "./snapshot.js";
import type { Catalog, CatalogAdmin } from "./types.js";

/** Covers a change notice that was lost (catalog.md §24). */
export const REFRESH_INTERVAL_MS = 60_000;
/** After a refresh that failed. */
export const REFRESH_RETRY_MS = 5_000;
/** A change that loses against another process is tried this many times. */
const CHANGE_ATTEMPTS_MAX = 5;
/** What a change is recorded under that nobody has asked for. */
const OWN_ACTOR = "coordinator";
const READ_ONLY = { isolationLevel: "repeatable read", accessMode: "read only" } as const;
/** A build carries its price. */
const CHANNELS: readonly ChangeChannel[] = ["umbel_catalog", "umbel_prices"];

/** How long machines may serve weights that were replaced under the same id, unless the operator says otherwise (catalog.md §11). */
const WEIGHTS_GRACE_ms = 24 * 3_600_000;

export interface CatalogDependencies {
  readonly store: Pick<Store, "db" | "onChange">;
  readonly clock: Clock;
  /** How long machines may serve weights that were replaced under the same id. Default a day; 0 is not at all. */
  readonly weightsGrace_ms?: number;
  /** Told when a refresh that nobody waits for fails. The catalogue stays as it was, and is tried again. */
  readonly onRefreshFailed: (error: unknown) => void;
}

export interface CatalogService extends Catalog, CatalogAdmin {
  /** Calls back whenever the catalogue has become another one. */
  onChanged(listener: () => void): void;
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
  const { store, clock, onRefreshFailed, weightsGrace_ms = WEIGHTS_GRACE_ms } = dependencies;
  let snapshot = EMPTY;
  /** Changes and refreshes take turns, so that an older reading never replaces a newer one. */
  let turn: Promise<unknown> = Promise.resolve();
  let nextRefresh: Promise<void> | undefined;
  let cancelTimer = (): void => undefined;
  let closed = false;
  const listeners: (() => void)[] = [];
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
      const { revision } = snapshot;
      const rows = await store.db.transaction((tx) => catalogRepository.read(tx), READ_ONLY);
      snapshot = toSnapshot(rows, new Date(clock.date().getTime() - weightsGrace_ms), snapshot);
      if (snapshot.revision !== revision) for (const listener of listeners) listener();
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

  /** @param body may run more than once; only its last run counts */
  function change<Result>(actor: string, body: (tx: Tx, by: By) => Promise<Result>): Promise<Result> {
    return inTurn(async () => {
      const by = { actor, at: clock.date() };
      const result = await untilNoConflict(() => store.db.transaction((tx) => body(tx, by), { isolationLevel: "serializable" }));
      await load();
      return result;
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
    build: (id) => snapshot.buildOf.get(id),
    builds: () => snapshot.builds,
    aliases: () => snapshot.aliases,
    withdrawn: () => snapshot.withdrawn,
    revision: () => snapshot.revision,
    async register(build) {
      const sound = checkBuild(build);
      await change(OWN_ACTOR, (tx, by) => registerVersion(tx, sound, { promote: true }, by));
    },
    async setAlias(alias) {
      checkAlias(alias);
      await change(OWN_ACTOR, (tx, by) => putAlias(tx, alias, by));
    },
    async registerVersion(build, options, actor) {
      const sound = checkBuild(build);
      return change(actor, (tx, by) => registerVersion(tx, sound, options, by));
    },
    async verified(id, version, problem) {
      await change(OWN_ACTOR, (tx, by) => verified(tx, { id, version, problem }, by));
    },
    unverified: async () => (await store.db.transaction((tx) => catalogRepository.unverified(tx), READ_ONLY)).map(toUnverified),
    promote: (id, version, actor) => change(actor, (tx, by) => promote(tx, { id, version }, by)),
    rollback: (id, actor) => change(actor, (tx, by) => rollback(tx, id, by)),
    async setStatus(id, status, actor) {
      await change(actor, (tx, by) => setStatus(tx, id, status, by));
    },
    async setDeprecationDate(id, date, actor) {
      await change(actor, (tx, by) => setDeprecationDate(tx, id, date, by));
    },
    async setCapabilities(id, names, actor) {
      const capabilities = checked(schemas.capabilities, [...new Set(names.map((name) => name.trim()))], "capabilities");
      await change(actor, (tx, by) => setCapabilities(tx, id, capabilities, by));
    },
    setRuntimeParameters: (id, asked, actor) => change(actor, (tx, by) => setRuntimeParameters(tx, id, asked, by)),
    setMetadata: (id, asked, actor) => change(actor, (tx, by) => setMetadata(tx, id, asked, by)),
    async setPrices(id, asked, actor) {
      const prices = checked(schemas.prices, asked);
      await change(actor, (tx, by) => setPrices(tx, id, prices, by));
    },
    async revoke(id, version, why, actor) {
      const reason = checked(schemas.reason, why, "reason");
      await change(actor, (tx, by) => revoke(tx, { id, version, reason }, by));
    },
    async removeVersion(id, version, actor) {
      await change(actor, (tx, by) => removeVersion(tx, { id, version }, by));
    },
    async putAlias(alias, actor) {
      checkAlias(alias);
      await change(actor, (tx, by) => putAlias(tx, alias, by));
    },
    async rollbackAlias(id, actor) {
      await change(actor, (tx, by) => rollbackAlias(tx, id, by));
    },
    async deleteAlias(id, actor) {
      await change(actor, (tx, by) => deleteAlias(tx, id, by));
    },
    onChanged: (listener) => void listeners.push(listener),
    overview: () => store.db.transaction((tx) => overview(tx), READ_ONLY),
    audit: (filter) => auditRepository.browse(store.db, filter),
    refresh,
    close,
  };
}

async function untilNoConflict<Result>(attempt: () => Promise<Result>): Promise<Result> {
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
