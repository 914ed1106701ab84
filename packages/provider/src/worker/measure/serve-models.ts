import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import { createModelStore } from "../../models/model-store.js";
import { createEngine } from "../create-engine.js";
import { machineMemory } from "../machine-memory.js";
import type { WorkerModel } from "../pipe-messages.js";
import { ResidentModels } from "../resident-models.js";

export interface ServedModels {
  readonly models: ResidentModels;
  readonly builds: readonly string[];
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Where the records of imported models go. */
  readonly home: string;
  readonly sequences: number;
  readonly models_max: number;
}

/** Models of these folders as a worker serves them, without the worker around. One that is named twice is served under two ids. */
export async function serveModels(folders: readonly string[], { home, sequences, models_max }: ServeOptions): Promise<ServedModels> {
  const store = createModelStore({ home });
  const workerModels: WorkerModel[] = [];
  for (const [i, folder] of folders.entries()) {
    const { info, manifest, directory } = await store.importModel(folder);
    const weight = manifest.files.find(({ role }) => role === "weight");
    if (weight === undefined) throw new Error(`${folder} has no weights`);
    const id = folders.indexOf(folder) === i ? info.id : `${info.id}-${i}`;
    const artifact = { directory, manifest };
    workerModels.push({ info: { ...info, id }, path: path.join(directory, weight.path), sequences, artifact });
  }
  const choice = { kind: "llama.cpp", threads_max: 1, gpuLayers: 0 } as const;
  const context = { clock: systemClock, random: Math.random };
  const engine = await createEngine(choice, { ...context, crash: () => process.abort() });
  const models = new ResidentModels({
    ...{ engine, choice, ...context },
    limits: { models_max, memory_bytes_max: undefined, machine: machineMemory },
    held_bytes: () => process.memoryUsage.rss(),
    onEngineCrash: () => process.abort(),
    onChange: () => undefined,
    onInfo: () => undefined,
  });
  const failures = await models.start(workerModels);
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  const builds = workerModels.map(({ info }) => info.id);
  return {
    models,
    builds,
    close: async () => {
      for (const build of builds) await models.unload(build);
      await engine.dispose();
    },
  };
}
