import type { Hardware, ModelInfo } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { startFailureError } from "../agent/provider-error.js";
import { workerModel } from "../agent/select-models.js";
import { conditionsOf, storeMeasuredRates } from "../agent/stored-rates.js";
import type { InferenceEngine } from "../engine/engine.js";
import { noMemory } from "../engine/memory.js";
import { NoGpuError } from "../engine/no-gpu-error.js";
import { readHardware } from "../machine/facts.js";
import { ModelError } from "../models/model-error.js";
import type { LocalModel } from "../models/model-store.js";
import { verifyModel } from "../models/verify-model.js";
import { createEngine } from "../worker/create-engine.js";
import { loadOptions, makesVectors } from "../worker/load-model.js";
import { machineMemory } from "../worker/machine-memory.js";
import type { EngineChoice } from "../worker/pipe-messages.js";
import { fittingShape } from "../worker/room.js";
import { loneRates, type Sweep, type SweepPlan, type SweepWatch, sweep } from "./sweep.js";

export interface BenchmarkReport extends Sweep {
  readonly model: string;
  readonly weight_hash: string;
  readonly hardware: Hardware;
  readonly sequences: number;
  readonly context_tokens: number;
  readonly load_ms: number;
  readonly measured_at: string;
  /** What the next registration says. */
  readonly prefill_tps: number;
  readonly decode_tps: number;
}

export interface BenchmarkOptions extends SweepWatch {
  /** Where the figures are kept. */
  readonly home: string;
  /** The largest of these that writes answers and fits is measured. */
  readonly models: readonly LocalModel[];
  readonly engine: EngineChoice;
  readonly plan: SweepPlan;
  readonly onLoad?: (info: ModelInfo) => void;
}

/**
 * Measures one model in this process and keeps its figures for the next registration.
 *
 * @returns undefined when none of the models writes answers and fits into memory
 * @throws ProviderError `no_gpu`; ModelError for files that are not what they should be, EngineError when the engine fails
 */
export async function benchmarkModel(options: BenchmarkOptions): Promise<BenchmarkReport | undefined> {
  const { home, engine: choice, plan, onLoad } = options;
  const engine = await createEngine(choice, { clock: systemClock, random: Math.random, crash: () => process.abort() }).catch(
    asStartFailure,
  );
  try {
    for (const local of bySize(options.models)) {
      const shape = await shapeFor(local, engine, options);
      if (shape === undefined) continue;
      const source = { buildId: local.info.id, path: workerModel(local, shape).path };
      onLoad?.(local.info);
      const verified = await verifyModel(local.manifest, local.directory);
      const loaded = await engine.load(source, loadOptions(shape, choice), options.signal);
      if (!(await verified.stillHolds())) throw new ModelError("changed_while_reading", source.path);
      const hardware = await readHardware();
      const result = await sweep(loaded, plan, systemClock, options);
      const measuredAt = systemClock.date();
      const rates = loneRates(result);
      const conditions = conditionsOf(local.info, choice, hardware);
      await storeMeasuredRates(home, local.info.id, { conditions, measuredAt, rates });
      return {
        ...{ model: local.info.id, weight_hash: local.info.weight_hash, hardware, ...rates, ...result },
        ...{ sequences: loaded.sequences, context_tokens: loaded.contextLength_tokens, load_ms: loaded.load_ms },
        measured_at: measuredAt.toISOString(),
      };
    }
    return undefined;
  } finally {
    await engine.dispose();
  }
}

function bySize(models: readonly LocalModel[]): LocalModel[] {
  return models.filter(({ info }) => !makesVectors(info)).sort((a, b) => b.manifest.total_size_bytes - a.manifest.total_size_bytes);
}

/** As many places and as much context as the plan asks for, or as fits. */
async function shapeFor(local: LocalModel, engine: InferenceEngine, { plan, engine: choice }: BenchmarkOptions) {
  const wanted = {
    sequences: Math.max(...plan.batches),
    // Those that began first write on until the last has begun.
    contextLength_tokens: Math.min(local.info.context_length, 2 * (Math.max(...plan.contexts_tokens) + plan.decode_tokens)),
  };
  const source = { buildId: local.info.id, path: workerModel(local, wanted).path };
  const need = await engine.estimate(source, loadOptions(wanted, choice), "answers");
  if (need === undefined) return wanted;
  const nobody = { count: 0, idleCount: 0, memory: noMemory, idleMemory: noMemory };
  const device = await engine.deviceMemory();
  return fittingShape(need, wanted, nobody, { models_max: 1, memory_bytes_max: undefined, machine: machineMemory, device });
}

function asStartFailure(error: unknown): never {
  throw error instanceof NoGpuError ? startFailureError("no_gpu", "") : error;
}
