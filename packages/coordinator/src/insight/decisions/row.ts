import type { Decision, ProviderView, RefusalReason } from "@umbel/routing";
import type { NewRow } from "./ports.js";
import type { AttemptKind, DecisionOutcome, DecisionRecord, MachineSnapshot, RequestFacts, StoredDecision } from "./types.js";

/** Refusals that end by themselves when other requests do: a first attempt waits for them. */
const WAITABLE: readonly RefusalReason[] = ["slot_unavailable", "concurrency", "capacity"];

export interface RowParts {
  readonly facts: RequestFacts;
  readonly record: DecisionRecord;
  readonly waited: boolean;
  /** The chosen machine, if it is still connected. */
  readonly view: ProviderView | undefined;
  readonly accountDigest: string;
  readonly publicId: (machineId: string) => string;
}

/** What is stored of a selection. */
export function rowOf({ facts, record, waited, view, accountDigest, publicId }: RowParts): NewRow {
  const { requestId, clientRequestId, keyId, surface, publicModel, shape } = facts;
  const { decision, build } = record;
  const provider = view === undefined ? null : publicId(view.machineId);
  return {
    requestId,
    attempt: record.attempt,
    day: dayOf(record.at),
    at: record.at,
    clientRequestId,
    accountDigest,
    keyId: keyId ?? null,
    surface,
    publicModel,
    build,
    kind: kindOf(record),
    outcome: decisionOutcome(decision, record.attempt),
    waited,
    provider,
    shape,
    decision: pseudonymous(decision, provider),
    snapshot: view === undefined ? null : snapshotOf(view, build),
    runnersUp: null,
    refused: null,
    audit: null,
  };
}

/** UTC, as rows are filed. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

export function kindOf({ kind, attempt }: Pick<DecisionRecord, "kind" | "attempt">): AttemptKind {
  return kind ?? (attempt === 0 ? "first" : "retry");
}

/** What becomes of a selection: only a first attempt may wait. */
export function decisionOutcome({ winner, refusals }: Decision, attempt: number): DecisionOutcome {
  if (winner !== undefined) return "selected";
  if (attempt === 0 && WAITABLE.some((reason) => refusals[reason] !== undefined)) return "queued";
  if (refusals.ttft_ceiling !== undefined) return "too_slow";
  return refusals.model_too_large === undefined ? "no_provider" : "model_too_large";
}

/** Without the ids of sessions, which would tell connections apart. */
function pseudonymous({ audit: _evidence, ...decision }: Decision, provider: string | null): StoredDecision {
  const { winner } = decision;
  return { ...decision, winner: winner && { ...winner, providerId: provider ?? "a machine that has left" } };
}

function snapshotOf(view: ProviderView, build: string): MachineSnapshot {
  const slot = view.slots?.get(build);
  return {
    version: view.version,
    compute_class: view.computeClass,
    trust_level: view.trustLevel,
    total_memory_gb: view.totalMemory_gb,
    memory_pressure: view.memoryPressure,
    cpu_usage: view.cpuUsage,
    thermal: view.thermal,
    pending: view.pendingTotal,
    slot:
      slot === undefined
        ? null
        : {
            state: slot.state,
            running: slot.running,
            waiting: slot.waiting,
            max_concurrency: slot.maxConcurrency,
            token_budget_used: slot.tokenBudgetUsed,
            token_budget_max: slot.tokenBudgetMax,
            observed_decode_tps: slot.observedDecode_tps,
            observed_prefill_tps: slot.observedPrefill_tps,
          },
  };
}
