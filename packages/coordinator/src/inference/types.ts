import type { ChatEvent, ChatRequest } from "@umbel/dialects";
import type { Principal } from "../accounts/index.js";
import type { ServingProvider } from "../fleet/index.js";
import type { SettleOutcome } from "../ledger/index.js";

/** One request as a surface hands it over: canonical, already parsed. Inference does not know which dialect was spoken. */
export interface InferenceInput {
  readonly requestId: string;
  readonly principal: Principal;
  readonly request: ChatRequest;
  /** A streaming caller sees errors in band once content has begun; a non-streaming one is parked and billed when it leaves. */
  readonly stream: boolean;
  /** Aborted when the consumer's connection ends. */
  readonly consumerGone: AbortSignal;
}

/** An answer whose first content has arrived. Nothing was shown to the consumer before, so failover was invisible. */
export interface Answer {
  readonly provider: ServingProvider;
  /**
   * Canonical events in order, batched as they arrived. Throws ApiError when the provider breaks off, and another error when the consumer has
   * gone. Leaving early cancels the provider.
   */
  readonly events: AsyncIterable<readonly ChatEvent[]>;
  /** JWS of the provider's usage receipt once the answer is complete. */
  receipt(): string | undefined;
  /** How the money ended; resolves after `events` has ended, at the latest 2 s later. */
  readonly settled: Promise<SettleOutcome>;
  readonly timing: Readonly<Record<string, number>>;
}

export interface Inference {
  /** Admission, hold, dispatch with failover. Resolves at the first content. @throws ApiError for every refusal; then nothing is held. */
  run(input: InferenceInput): Promise<Answer>;
  /** Requests that have been admitted and not ended. */
  inFlight(): number;
  /** Refuses new requests with 429 and resolves when none is in flight, or after `grace_ms`. */
  drain(grace_ms: number): Promise<{ readonly cut: number }>;
}
