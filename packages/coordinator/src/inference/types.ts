import type { ChatEvent, ChatRequest, RoutingHints } from "@umbel/dialects";
import type { Principal } from "../accounts/index.js";
import type { ServingProvider } from "../fleet/index.js";
import type { SettleOutcome } from "../ledger/index.js";
import type { Visit } from "./in-flight.js";

/** One request as a surface hands it over: canonical, already parsed. Inference does not know which dialect was spoken. */
export interface InferenceInput {
  readonly requestId: string;
  readonly principal: Principal;
  readonly request: ChatRequest;
  readonly routing?: RoutingHints;
  /** Whether the caller asked for its own machines (api.md §10.3); a key may insist on it. Absent is neither. */
  readonly ownMachines?: "only" | "preferred";
  /** A streaming caller sees errors in band once content has begun; a non-streaming one is parked and billed when it leaves. */
  readonly stream: boolean;
  /** Monotonic instant after which the caller has no use for an answer that has not begun; absent is never. */
  readonly deadline_ms?: number;
  /** From `arrive`; absent counts it from now on. */
  readonly visit?: Visit;
  /** Country in which the caller is, for public figures; absent is unknown. */
  readonly country?: string;
  /** How the request came, for the record of where it went. */
  readonly origin?: { readonly clientRequestId: string; readonly surface: string };
  /** Aborted when the consumer's connection ends. */
  readonly consumerGone: AbortSignal;
}

/** An answer whose first content has arrived. Nothing was shown to the consumer before, so failover was invisible. */
export interface Answer {
  readonly provider: ServingProvider;
  /** What is left of the caller's token limits. */
  readonly limitHeaders: Readonly<Record<string, string>>;
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

/** Counts requests and tokens of accounts and keys against their rates (api.md §5). One object serves requests and tokens. */
export interface RateLimits {
  /** Takes one request of key and account, or none. @throws ApiError 429 with `headers`. @returns the headers that tell what is left. */
  takeRequest(principal: Principal): Readonly<Record<string, string>>;
  /** Takes the tokens that a request may need, or none. @throws ApiError 429. */
  takeTokens(principal: Principal, tokens: { readonly input: number; readonly output: number }): TakenTokens;
}

/** What a request took of the token buckets. It ends once, by whichever method is called first. */
export interface TakenTokens {
  readonly headers: Readonly<Record<string, string>>;
  /** The request came to nothing: everything goes back. */
  giveBack(): void;
  /** The request has made so many output tokens: what was taken above goes back. */
  settle(output_tokens: number): void;
}

export interface Inference {
  /** Admission, hold, dispatch with failover. Resolves at the first content. @throws ApiError for every refusal; then nothing is held. */
  run(input: InferenceInput): Promise<Answer>;
  /** Counts a request from its coming on, before it is read. @throws ApiError 429 while draining. */
  arrive(): Visit;
  /** Requests that have come and not ended. */
  inFlight(): number;
  /** Requests that wait for a place of a build, and how many may. */
  queue(build: string): { readonly waiting: number; readonly limit: number };
  /** From now on, or no longer, requests that wait for a place have a few seconds to get one; then they hear 429. */
  lastCall(isOn: boolean): void;
  /** Builds may have left the catalogue: whoever waits for one that has is told so at once. */
  catalogChanged(): void;
  /** Resolves when no request waits for a place. */
  nobodyWaits(): Promise<void>;
  /** Refuses new requests with 429 and resolves when none is in flight, or after `grace_ms`. */
  drain(grace_ms: number): Promise<{ readonly cut: number }>;
}
