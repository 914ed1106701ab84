import { DownloadError } from "../download/download-error.js";
import { freeDisk } from "../download/download-files.js";
import type { LocalModel, ModelStore } from "../model-store.js";
import { isHeld } from "./in-use.js";
import { type StorePlace, storeLayout } from "./store-layout.js";

/** Of what the models take and what the disk has free, models may take this share. */
const defaultShare = 0.7;

export interface BudgetOptions extends StorePlace {
  readonly store: ModelStore;
  /** Absent is 70 % of what models take and the disk has free. */
  readonly disk_bytes_max?: number;
  /** Builds that must stay: in memory, offered, or wanted. */
  readonly keep: ReadonlySet<string>;
  readonly freeDisk_bytes?: (directory: string) => Promise<number | undefined>;
}

/** How models fit the budget, and what would have to go for it. */
interface DiskPlan {
  readonly used_bytes: number;
  readonly max_bytes: number;
  /** Those used longest ago first. */
  readonly remove: readonly LocalModel[];
  /** What is still taken when they are gone. */
  readonly left_bytes: number;
}

/** What goes so that so many more bytes fit: never what is kept, pinned, in memory, or lies outside the store. Removes nothing. */
export async function planDiskRoom(needed_bytes: number, options: BudgetOptions): Promise<DiskPlan> {
  const models = (await options.store.listVersions()).filter(({ isStored }) => isStored);
  const bytesOf = (some: readonly LocalModel[]) => some.reduce((sum, { manifest }) => sum + manifest.total_size_bytes, 0);
  const used_bytes = bytesOf(models);
  const max_bytes = options.disk_bytes_max ?? (await defaultBudget(used_bytes, options));
  const remove: LocalModel[] = [];
  let left_bytes = used_bytes;
  for (const model of removable(models, options.keep)) {
    if (left_bytes + needed_bytes <= max_bytes) break;
    if (await isHeld(storeLayout(options), model.info.id)) continue;
    left_bytes -= bytesOf(models.filter(({ info }) => info.id === model.info.id));
    remove.push(model);
  }
  return { used_bytes, max_bytes, remove, left_bytes };
}

/**
 * Removes models until so many more bytes fit the budget.
 *
 * @returns ids of what was removed
 * @throws DownloadError `no_space` when that is not enough
 */
export async function makeDiskRoom(needed_bytes: number, options: BudgetOptions): Promise<readonly string[]> {
  const { remove, left_bytes, max_bytes } = await planDiskRoom(needed_bytes, options);
  for (const { info } of remove) await options.store.removeModel(info.id);
  if (left_bytes + needed_bytes > max_bytes) {
    const inGb = (bytes: number): string => (bytes / 1e9).toFixed(2);
    throw new DownloadError(
      "no_space",
      `models may take ${inGb(max_bytes)} GB, ${inGb(left_bytes)} GB are taken by what must stay, and ${inGb(needed_bytes)} GB are to come`,
    );
  }
  return remove.map(({ info }) => info.id);
}

async function defaultBudget(used_bytes: number, { freeDisk_bytes = freeDisk, ...place }: BudgetOptions): Promise<number> {
  const free_bytes = await freeDisk_bytes(storeLayout(place).root);
  return free_bytes === undefined ? Number.POSITIVE_INFINITY : (used_bytes + free_bytes) * defaultShare;
}

/** One entry a build, the one used longest ago first. */
function removable(models: readonly LocalModel[], keep: ReadonlySet<string>): readonly LocalModel[] {
  const byId = new Map<string, LocalModel>();
  for (const model of models) {
    const known = byId.get(model.info.id);
    if (known === undefined || known.used_at < model.used_at) byId.set(model.info.id, model);
  }
  const pinned = new Set(models.filter(({ isPinned }) => isPinned).map(({ info }) => info.id));
  return [...byId.values()]
    .filter(({ info }) => !keep.has(info.id) && !pinned.has(info.id))
    .sort((a, b) => (a.used_at < b.used_at ? -1 : 1));
}
