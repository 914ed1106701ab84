import { createModelStore, planDiskRoom } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { statusOf } from "../provider/ask.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";
import { formatBytes } from "../quantities.js";
import { asModelFailure } from "./models-library.js";

export interface PruneOptions {
  readonly home?: string;
  readonly config?: string;
  readonly maxDiskGb?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `umbel models prune`: what the disk budget would take away, the model used longest ago first; with `--yes` it goes. */
export async function pruneModels(options: PruneOptions): Promise<void> {
  const output = createOutput(options);
  const places = providerPlaces(options);
  const flags = options.maxDiskGb === undefined ? {} : { modelsDiskMaxGb: options.maxDiskGb };
  const { modelsDisk_gb_max } = resolveSettings(flags, process.env, readConfigFile(places.configFile)).values;
  // What a running provider offers stays, in memory or not.
  const keep = new Set((await statusOf(places.home).catch(() => undefined))?.models ?? []);
  const store = createModelStore(places.store);
  try {
    const plan = await planDiskRoom(0, {
      ...{ ...places.store, store, keep },
      ...(modelsDisk_gb_max !== undefined && { disk_bytes_max: modelsDisk_gb_max * 1e9 }),
    });
    const removed: string[] = [];
    if (options.yes === true) {
      for (const { info } of plan.remove) {
        await store.removeModel(info.id);
        removed.push(info.id);
      }
    }
    output.result({
      used_bytes: plan.used_bytes,
      max_bytes: Number.isFinite(plan.max_bytes) ? Math.floor(plan.max_bytes) : null,
      candidates: plan.remove.map(({ info, used_at }) => ({ id: info.id, size_bytes: info.size_bytes, used_at })),
      removed,
      left_bytes: options.yes === true ? plan.left_bytes : plan.used_bytes,
    });
    const limit = Number.isFinite(plan.max_bytes) ? `, and may take ${formatBytes(plan.max_bytes)}` : "";
    output.line(`Models take ${formatBytes(plan.used_bytes)}${limit}.`);
    if (plan.remove.length === 0) output.line("Nothing would be removed.");
    else {
      output.line(
        table(
          ["ID", "SIZE", "LAST USED"],
          plan.remove.map(({ info, used_at }) => [info.id, formatBytes(info.size_bytes), used_at.slice(0, 16).replace("T", " ")]),
        ),
      );
      output.line(options.yes === true ? `${removed.length} removed.` : "Would be removed. Add --yes to remove them.");
    }
    if (plan.left_bytes > plan.max_bytes) {
      throw new CliError(
        `${formatBytes(plan.left_bytes)} are taken by models that stay: you have asked for them by name, or they are in memory.`,
        EXIT_CODES.failure,
        "Remove them yourself with umbel models remove, or raise models.max_disk_gb.",
      );
    }
  } catch (error) {
    throw asModelFailure(error);
  }
}
