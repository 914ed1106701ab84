import type { Decision, RefusalReason } from "@umbel/routing";

/** What the selections of one request have in common. Numbers, names and closed words: nothing of what was asked. */
export interface RequestFacts {
  readonly requestId: string;
  /** The id under which the consumer is answered. */
  readonly clientRequestId: string;
  readonly accountId: string;
  readonly keyId: string | undefined;
  /** Path of the API surface. */
  readonly surface: string;
  readonly publicModel: string;
  readonly build: string;
  readonly shape: RequestShape;
}

export interface RequestShape {
  readonly prompt_tokens: number;
  readonly max_output_tokens: number;
  readonly choices: number;
  readonly tools: boolean;
  readonly vision: boolean;
  readonly stream: boolean;
  readonly route: "public" | "self" | "prefer";
}

export type AttemptKind = "first" | "retry" | "hedge";

/** One selection, as dispatch hands it over. */
export interface DecisionRecord {
  readonly requestId: string;
  /** From 0; each further attempt of a request has its own decision, hedges included. */
  readonly attempt: number;
  /** Default: the first attempt is `first`, others are retries. */
  readonly kind?: AttemptKind;
  readonly at: Date;
  readonly build: string;
  readonly decision: Decision;
}

/** What became of a selection. */
export const DECISION_OUTCOMES = ["selected", "queued", "no_provider", "model_too_large", "too_slow"] as const;
export type DecisionOutcome = (typeof DECISION_OUTCOMES)[number];

/** The decision without its evidence, and with pseudonyms for machines. */
export type StoredDecision = Omit<Decision, "audit">;

/** The chosen machine as it was. */
export interface MachineSnapshot {
  readonly version: string;
  readonly compute_class: string;
  readonly trust_level: string;
  readonly total_memory_gb: number;
  readonly memory_pressure: number;
  readonly cpu_usage: number;
  readonly thermal: string;
  readonly pending: number;
  readonly slot: {
    readonly state: string;
    readonly running: number;
    readonly waiting: number;
    readonly max_concurrency: number;
    readonly token_budget_used: number;
    readonly token_budget_max: number;
    readonly observed_decode_tps: number;
    readonly observed_prefill_tps: number;
  } | null;
}

/** A machine that could have served, and what it would have cost. */
export interface RunnerUp {
  readonly provider: string;
  readonly total_ms: number;
  readonly ttft_ms: number | null;
}

export interface RefusedMachine {
  readonly provider: string;
  readonly reason: RefusalReason;
}

export const FINAL_STATUSES = ["success", "partial_success", "cancelled", "error", "timeout"] as const;
export type FinalStatus = (typeof FINAL_STATUSES)[number];

/** The closed vocabulary of how attempts fail. Source: routing.md §18. */
export const ERROR_CLASSES = [
  "client_gone_before_response",
  "client_gone_after_commit",
  "slow_consumer",
  "provider_error_before_response",
  "provider_error_after_commit",
  "provider_disconnect_before_response",
  "stream_timeout_after_commit",
  "no_terminal_after_cancel",
  "queue_timeout",
  "caller_deadline",
  "first_chunk_timeout",
  "no_provider",
  "hedge_loser",
  "internal_error",
] as const;
export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** How an attempt, or the request with it, ended. What is absent is not known here, and stays as it is. */
export interface DecisionEnd {
  readonly finalStatus?: FinalStatus;
  readonly errorClass?: ErrorClass;
  /** What the machine, or the wire to it, reported: a word of routing's failure classes. */
  readonly errorReason?: string;
  /** What the consumer saw. `unaware`: another attempt went on. */
  readonly clientOutcome?: "answered" | "cut_short" | "left" | "refused" | "unaware";
  readonly providerOutcome?: "completed" | "failed" | "disconnected" | "cancelled" | "timed_out" | "silent";
  readonly billingOutcome?: "charged" | "free" | "released" | "pending";
  readonly committed?: boolean;
  readonly usedHedge?: boolean;
  readonly hedgeWon?: boolean;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly reasoning_tokens?: number;
  readonly cachedPrompt_tokens?: number;
  readonly cost_microUsd?: bigint;
  readonly ttft_ms?: number;
  readonly total_ms?: number;
  readonly decode_tps?: number;
  /** Whole microseconds by phase. */
  readonly timing?: Readonly<Record<string, number>>;
}

/** What is not known, or has not happened, is null. */
type Ended = { readonly [Field in keyof DecisionEnd]-?: DecisionEnd[Field] | null };

/** One attempt as it is stored. */
export interface Attempted extends Ended {
  readonly requestId: string;
  readonly attempt: number;
  readonly at: Date;
  readonly clientRequestId: string;
  readonly keyId: string | null;
  readonly surface: string;
  readonly publicModel: string;
  readonly build: string;
  readonly kind: AttemptKind;
  readonly outcome: DecisionOutcome;
  /** Whether the request waited in line before. */
  readonly waited: boolean;
  /** Pseudonym of the chosen machine; null for none. */
  readonly provider: string | null;
  readonly shape: RequestShape;
  readonly decision: StoredDecision;
  readonly snapshot: MachineSnapshot | null;
  /** Of sampled decisions and of all that failed; null otherwise. */
  readonly runnersUp: readonly RunnerUp[] | null;
  readonly refused: readonly RefusedMachine[] | null;
  /** What routing needs to make the decision again; null where it was not kept. */
  readonly audit: unknown;
  readonly endedAt: Date | null;
}
