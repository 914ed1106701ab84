import { stat } from "node:fs/promises";
import path from "node:path";
import { createModelStore, type LocalModel, ModelError, verifyModel } from "@umbel/provider";
import { type Finding, fail, pass } from "./finding.js";
import type { Patient } from "./patient.js";

const GiB = 2 ** 30;
/** Of a model in memory, beside its files (packages/provider/README.md). */
const OVERHEAD = 1.2;
const FETCH_ANEW = "Fetch it anew: umbel models remove, then umbel models download.";

/** Whether what is to be served is here, whole, and fits. */
export async function modelChecks(patient: Patient): Promise<Finding[]> {
  let models: readonly LocalModel[];
  try {
    models = await createModelStore({ home: patient.places.home }).listModels();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      fail("models", `The models of this machine cannot be read: ${why}.`, "Remove the record that is named, and fetch the model anew."),
    ];
  }
  if (models.length === 0) return [pass("models", "No model was taken in yet; the bundled ones are served")];
  const findings: Finding[] = [];
  for (const model of models) findings.push(await whole(model, patient), fits(model, patient));
  return findings;
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

function fits({ info, manifest }: LocalModel, { memory_bytes, settings }: Patient): Finding {
  const limit_gb = settings.values.modelsMemory_gb_max;
  const room_bytes = Math.min(memory_bytes, limit_gb === undefined ? Number.POSITIVE_INFINITY : limit_gb * GiB);
  const need_bytes = manifest.files.reduce((sum, { size_bytes }) => sum + size_bytes, 0) * OVERHEAD;
  const words = `${info.id} takes about ${(need_bytes / GiB).toFixed(1)} GiB in memory`;
  if (need_bytes <= room_bytes) return pass("model_fits", words);
  const room = `${(room_bytes / GiB).toFixed(1)} GiB`;
  return fail("model_fits", `${words}, and ${limit_gb === undefined ? "the machine has" : "it may take"} ${room}.`, fixFor(limit_gb));
}

function fixFor(limit_gb: number | undefined): string {
  if (limit_gb === undefined) return "Serve a smaller build: umbel models catalog shows what fits this machine.";
  return "Raise backend.memory_gb, or serve a smaller build: umbel models catalog shows what fits this machine.";
}
