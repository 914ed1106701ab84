import { type CountedRequest, type Heartbeat, MANAGED_MODELS_FEATURE, type Register, type Slot, toBase64 } from "@umbel/protocol";
import type { ProviderView } from "../types.js";
import { providerViewFromRegister, withChallengePassed, withTrust } from "../views.js";
import { entry, type SimulatedBuild } from "./fleet-mix.js";
import type { SimulatedMachine } from "./machine.js";
import type { SimulatedSlot } from "./slot.js";
import { demand_tokens, type Work } from "./work.js";

export const WEIGHT_HASH = "5f".repeat(32);
const ENCRYPTION_KEY = toBase64(new Uint8Array(32));

/** A machine's view once it has registered and proven itself. */
export function registeredView(
  { spec }: SimulatedMachine,
  sessionId: string,
  builds: readonly SimulatedBuild[],
  now_ms: number,
): ProviderView {
  const session = { sessionId, machineId: machineIdOf(spec.number), accountId: ownerOf(spec.number) };
  const message: Register = {
    type: "register",
    protocol: 1,
    version: spec.version,
    backend: "simulated",
    features: [MANAGED_MODELS_FEATURE],
    hardware: {
      platform: "linux",
      arch: "x64",
      os_version: "1",
      chip_name: spec.computeClass,
      compute_class: spec.computeClass,
      memory_gb: spec.memory_gb,
      cpu_cores: 8,
      gpus: [],
    },
    models: spec.builds.map((number) => modelInfo(entry(builds, number))),
    encryption_key: ENCRYPTION_KEY,
    device_key: { kty: "EC", crv: "P-256", x: "", y: "" },
    attestation: "",
    private_only: false,
    decode_tps: spec.decode_tps,
    prefill_tps: spec.prefill_tps,
  };
  const view = providerViewFromRegister(message, session);
  return withChallengePassed(withTrust(view, { trusted: true, trustLevel: "self_signed" }), now_ms);
}

export function machineIdOf(number: number): string {
  return `machine-${number}`;
}

/** Account of a machine's owner; every machine has one of its own. */
export function ownerOf(number: number): string {
  return `owner-${number}`;
}

/** Sessions are called `session-<machine>-<connection>`. */
export function machineNumber(sessionId: string): number {
  return Number(sessionId.split("-")[1]);
}

/** What a machine says of itself now, true or not. */
export function heartbeatOf(machine: SimulatedMachine, builds: readonly SimulatedBuild[]): Heartbeat {
  const slots: Slot[] = [];
  const requests_held: number[] = [];
  let busy = 0;
  for (const slot of machine.slots.values()) {
    busy += slot.running;
    // A build on its way into memory is not reported before it is there.
    if (slot.ready) slots.push(slotReport(machine, slot, builds));
    else for (const { ordinal } of slot.waiting) requests_held.push(ordinal);
  }
  return {
    type: "heartbeat",
    status: busy > 0 ? "serving" : "idle",
    stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 },
    system_metrics: { memory_pressure: 0, cpu_usage: 0, thermal_state: "nominal" },
    capacity: {
      slots,
      total_memory_gb: machine.spec.memory_gb,
      free_for_load_gb: machine.memory.freeForLoad_gb(),
      resident_models_max: machine.spec.slots_max,
      requests_seen: machine.seen,
      requests_held,
    },
  };
}

function slotReport(machine: SimulatedMachine, slot: SimulatedSlot, builds: readonly SimulatedBuild[]): Slot {
  const { lie } = machine.misbehaviour;
  const isLiar = lie > 1;
  const reserved_tokens = slot.runningTokens + slot.waitingTokens;
  return {
    model: entry(builds, slot.build).id,
    state: slot.running > 0 ? "running" : "idle",
    num_running: isLiar ? 0 : slot.running,
    num_waiting: isLiar ? 0 : slot.waiting.length,
    max_concurrency: Math.round(machine.spec.concurrency * lie),
    active_tokens: isLiar ? 0 : reserved_tokens,
    token_budget_used: isLiar ? 0 : reserved_tokens,
    token_budget_max: slot.runningTokens + machine.memory.freeTokens(slot) * lie,
    kv_bytes_per_token: slot.kvBytesPerToken,
    observed_decode_tps: slot.decode_tps,
    observed_prefill_tps: slot.prefill_tps > 0 ? slot.prefill_tps : undefined,
    model_load_time_ms: slot.load_ms,
    requests: isLiar ? [] : [...slot.placed, ...slot.waiting].map(countedRequest),
  };
}

function countedRequest(work: Work): CountedRequest {
  return { ordinal: work.ordinal, tokens: demand_tokens(work), places: 1 };
}

function modelInfo(build: SimulatedBuild) {
  return {
    id: build.id,
    size_bytes: Math.round(build.size_gb * 2 ** 30),
    format: "gguf" as const,
    context_length: build.contextLength_tokens,
    weight_hash: WEIGHT_HASH,
    capabilities: ["chat" as const, ...(build.tools ? ["tools" as const] : []), ...(build.vision ? ["vision" as const] : [])],
  };
}
