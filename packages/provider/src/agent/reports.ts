import {
  type Capacity,
  FLOW_FEATURE,
  type Hardware,
  type Heartbeat,
  type Location,
  MANAGED_MODELS_FEATURE,
  type Register,
  type SystemMetrics,
} from "@umbel/protocol";
import type { Stance } from "../guest/index.js";
import { type CounterName, workerCounters } from "../worker/pipe-messages.js";
import type { RequestOrdinals } from "./request-ordinals.js";
import { providerVersion } from "./version.js";
import type { Ready, WorkerState } from "./worker-supervisor.js";

/** Counters since the agent started, over all its workers. */
export type Totals = Readonly<Record<CounterName, number>>;

export const NO_TOTALS = totalsBy(() => 0);

export function sumTotals(a: Totals, b: Totals): Totals {
  return totalsBy((name) => a[name] + b[name]);
}

function totalsBy(countOf: (name: CounterName) => number): Totals {
  return Object.fromEntries((Object.keys(workerCounters) as CounterName[]).map((name) => [name, countOf(name)])) as Totals;
}

export function registerMessage(options: {
  readonly ready: Ready;
  readonly attestation: string;
  readonly runtimeHash: string | undefined;
  readonly hardware: Hardware;
  readonly authToken: string | undefined;
  readonly privateOnly: boolean;
  readonly location: Location | undefined;
}): Register {
  const { ready } = options;
  return {
    type: "register",
    protocol: 1,
    version: providerVersion,
    backend: ready.backend,
    features: [MANAGED_MODELS_FEATURE, FLOW_FEATURE],
    hardware: options.hardware,
    models: ready.models,
    encryption_key: ready.encryption_key,
    device_key: ready.device_key,
    attestation: options.attestation,
    ...(options.runtimeHash !== undefined && { runtime_hash: options.runtimeHash }),
    ...(options.authToken !== undefined && { auth_token: options.authToken }),
    private_only: options.privateOnly,
    ...(options.location !== undefined && { location: options.location }),
    decode_tps: ready.decode_tps,
    prefill_tps: ready.prefill_tps,
  };
}

export function heartbeatMessage(options: {
  readonly isServing: boolean;
  readonly totals: Totals;
  readonly workerRestarts: number;
  readonly metrics: SystemMetrics;
  readonly state: WorkerState | undefined;
  readonly ordinals: RequestOrdinals | undefined;
  readonly memory_gb: number;
  readonly residentModels_max: number | undefined;
  readonly stance: Stance;
}): Heartbeat {
  const { totals, state, stance } = options;
  return {
    type: "heartbeat",
    status: options.isServing ? "serving" : "idle",
    stats: {
      requests_served: totals.requestsServed,
      tokens_generated: totals.tokensGenerated,
      cancellations_received: totals.cancellations,
      errors: totals.errors,
      worker_restarts: options.workerRestarts,
      cancellations_before_output: totals.cancelledBeforeOutput,
      cancellations_partial_complete: totals.cancelledAfterOutput,
      cancel_during_model_load: totals.cancelledWhileLoading,
      generation_errors_after_output: totals.errorsAfterOutput,
      chunk_encryption_errors: totals.sealingErrors,
      stream_closed_without_terminal: totals.endsMissing,
      usage_gaps: totals.usageMissing,
    },
    system_metrics: options.metrics,
    ...(state !== undefined && { capacity: capacityOf(shared(state, stance.share), options) }),
    ...(stance.reasons.length > 0 && { rest_reasons: [...stance.reasons] }),
  };
}

/** With a share of its places only; at least one of each model. */
function shared(state: WorkerState, share: number): WorkerState {
  if (share >= 1) return state;
  const slots = state.slots.map((slot) => ({ ...slot, max_concurrency: Math.max(1, Math.floor(slot.max_concurrency * share)) }));
  return { ...state, slots };
}

function capacityOf(
  state: WorkerState,
  {
    memory_gb,
    residentModels_max,
    ordinals,
  }: Pick<Parameters<typeof heartbeatMessage>[0], "memory_gb" | "residentModels_max" | "ordinals">,
): Capacity {
  const { slots, freeForLoad_bytes } = state;
  return {
    ...(ordinals === undefined ? { slots } : ordinals.named(state)),
    total_memory_gb: memory_gb,
    ...(freeForLoad_bytes !== undefined && { free_for_load_gb: Math.min(freeForLoad_bytes / 2 ** 30, memory_gb) }),
    ...(residentModels_max !== undefined && { resident_models_max: residentModels_max }),
  };
}
