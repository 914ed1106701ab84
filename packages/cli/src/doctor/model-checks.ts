import { stat } from "node:fs/promises";
import path from "node:path";
import { catalogList } from "@umbel/protocol";
import { createModelStore, type LocalModel, ModelError, planDiskRoom, verifyModel } from "@umbel/provider";
import { formatBytes } from "../quantities.js";
import { type Finding, fail, pass, warn } from "./finding.js";
import type { Patient } from "./patient.js";

const GiB = 2 ** 30;
const GB = 1_000_000_000;
/** Of a model in memory, beside its files (packages/provider/README.md). */
const OVERHEAD = 1.2;
const ALTERNATIVES_max = 3;
const CATALOG_ms = 10_000;
const FETCH_ANEW = "Fetch it anew: umbel models remove, then umbel models download.";

/** Whether what is to be served is here, whole, and fits. */
export async function modelChecks(patient: Patient): Promise<Finding[]> {
  let models: readonly LocalModel[];
  try {
    models = await createModelStore(patient.places.store).listModels();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      fail("models", `The models of this machine cannot be read: ${why}.`, "Remove the record that is named, and fetch the model anew."),
    ];
  }
  const budget = await diskBudget(patient);
  if (models.length === 0) return [pass("models", "No model was taken in yet; the bundled ones are served"), budget];
  const findings: Finding[] = [];
  for (const model of models) findings.push(await whole(model, patient), await fits(model, patient));
  return [...findings, budget];
}

/** Whether there is room for what the coordinator may want next; whatever is over the budget goes then, or cannot. */
async function diskBudget({ places, settings, freeDisk_bytes }: Patient): Promise<Finding> {
  const limit_gb = settings.values.modelsDisk_gb_max;
  const plan = await planDiskRoom(0, {
    ...{ ...places.store, store: createModelStore(places.store), keep: new Set<string>() },
    freeDisk_bytes: () => freeDisk_bytes(places.home).catch(() => undefined),
    ...(limit_gb !== undefined && { disk_bytes_max: limit_gb * GB }),
  });
  const words = `Models in the store take ${formatBytes(plan.used_bytes)}, and may take ${formatBytes(plan.max_bytes)}`;
  const fix = "Raise models.max_disk_gb, or take models away: umbel models list, umbel models remove, umbel models prune.";
  if (plan.left_bytes > plan.max_bytes) return fail("disk_budget", `${words}: what must stay leaves no room for others.`, fix);
  if (plan.used_bytes <= plan.max_bytes) return pass("disk_budget", Number.isFinite(plan.max_bytes) ? words : "Models have room");
  const going = plan.remove.map(({ info }) => info.id).join(", ");
  return warn("disk_budget", `${words}: the next one that is fetched takes ${going} away.`, fix);
}

async function whole(model: LocalModel, { isThorough }: Patient): Promise<Finding> {
  const { info, manifest, directory } = model;
  try {
    if (isThorough) await verifyModel(manifest, directory);
    else for (const file of manifest.files) await sizeIs(path.join(directory, file.path), file.size_bytes);
    return pass("model_files", `${info.id} is ${isThorough ? "exactly what its manifest says" : "here"}`);
  } catch (error) {
    const why = error instanceof ModelError ? error.message : String(error);
    return fail("model_files", `${info.id} is not whole: ${why}.`, FETCH_ANEW);
  }
}

async function sizeIs(file: string, size_bytes: number): Promise<void> {
  const found = await stat(file).catch((cause: unknown) => {
    throw new ModelError("file_missing", file, { cause });
  });
  if (found.size !== size_bytes) throw new ModelError("size_mismatch", file);
}

async function fits({ info, manifest }: LocalModel, patient: Patient): Promise<Finding> {
  const { memory_bytes, settings } = patient;
  const { modelsMemory_gb_max: limit_gb, memoryReserve_gb = 0 } = settings.values;
  const room_bytes = Math.min(memory_bytes - memoryReserve_gb * GiB, limit_gb === undefined ? Number.POSITIVE_INFINITY : limit_gb * GiB);
  const need_bytes = manifest.files.reduce((sum, { size_bytes }) => sum + size_bytes, 0) * OVERHEAD;
  const words = `${info.id} takes about ${formatBytes(need_bytes)} in memory`;
  if (need_bytes <= room_bytes) return pass("model_fits", words);
  return fail(
    "model_fits",
    `${words}, and ${limit_gb === undefined ? "the machine has" : "it may take"} ${formatBytes(room_bytes)}.`,
    `${limit_gb === undefined ? "Serve" : "Raise backend.memory_gb, or serve"} a smaller build: ${smaller(await alternatives(room_bytes, patient))}.`,
  );
}

function smaller(found: readonly string[]): string {
  return found.length === 0 ? "umbel models catalog shows what fits this machine" : `${found.join(", ")} would fit`;
}

/** Of the coordinator's catalogue, the largest that fit; none where it does not answer. */
async function alternatives(room_bytes: number, { settings, fetch }: Patient): Promise<readonly string[]> {
  const base = (settings.values.coordinatorUrl ?? "").replace(/\/+$/, "").replace(/^ws/, "http");
  try {
    const answer = await fetch(`${base}/v1/models/catalog?type=text`, { signal: AbortSignal.timeout(CATALOG_ms) });
    const list = catalogList.safeParse(await answer.json());
    const models = list.success ? list.data.models : [];
    const fitting = models.filter(({ memory, min_ram_gb }) => (memory?.min_ram_gb ?? min_ram_gb) * GiB <= room_bytes);
    return [...fitting]
      .sort((a, b) => b.total_size_bytes - a.total_size_bytes)
      .slice(0, ALTERNATIVES_max)
      .map(({ id }) => id);
  } catch {
    // Whether it answers is another check's to say.
    return [];
  }
}
