import { ApiError, billingPromptBound } from "@umbel/dialects";
import type { Logger, Metrics } from "../../insight/index.js";
import type { HoldOutcome, Ledger, ReleaseReason, Settlement, SettleOutcome } from "../../ledger/index.js";
import type { PreparedRequest } from "../admit/check.js";
import type { TakenTokens } from "../types.js";

const RETRY_AFTER_s = 2;

/** The money of one request between its hold and its end. It ends once: by `settle` or by `release`, whichever is called first. */
export interface Hold {
  /** Posts the price of what was used. Never rejects: what is not in the ledger when it returns is `pending`. */
  settle(settlement: Omit<Settlement, "requestId">): Promise<SettleOutcome>;
  /** Gives everything back. Never rejects: through an outage the ledger itself goes on trying. */
  release(reason: ReleaseReason): Promise<void>;
  /** The consumer left after content: keeps the hold open for the provider's terminal. Never rejects. */
  park(): Promise<void>;
}

export interface HoldServices {
  readonly ledger: Pick<Ledger, "hold" | "settle" | "release" | "park" | "prices">;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Holds the worst-case price of a request.
 *
 * @throws ApiError 402 when the account or the key lacks the funds, 503 when the ledger cannot answer.
 */
export async function openHold(request: PreparedRequest, services: HoldServices): Promise<Hold> {
  const { ledger } = services;
  const { requestId, principal } = request.input;
  let outcome: HoldOutcome;
  try {
    outcome = await ledger.hold({
      requestId,
      accountId: principal.accountId,
      keyId: principal.key?.id,
      build: request.build.id,
      publicModel: request.publicName,
      promptBound_tokens: billingPromptBound(request.request),
      outputBound_tokens: request.outputBound_tokens,
      prices: await ledger.prices(request.build.id),
    });
  } catch (cause) {
    services.log.error({ err: cause, job: requestId }, "hold failed");
    throw new ApiError({
      status: 503,
      code: "service_unavailable",
      message: "the ledger cannot be reached right now — please retry",
      retryAfter_s: RETRY_AFTER_s,
      cause,
    });
  }
  if (!outcome.ok) throw refusal(outcome);
  return createHold(requestId, request.build.id, services);
}

const NOTHING_DUE: SettleOutcome = { state: "settled", cost_microUsd: 0n, replayed: false };

/** A request for the account's own machines only: nothing is held and nothing becomes due. Source: money.md §9. */
export const FREE: Hold = {
  settle: async () => NOTHING_DUE,
  release: async () => undefined,
  park: async () => undefined,
};

/** One of the account's own machines served although another might have: the whole hold goes back. Source: money.md §9. */
export function unbilled(hold: Hold): Hold {
  return {
    ...hold,
    async settle() {
      await hold.release("own_machine");
      return NOTHING_DUE;
    },
  };
}

/** Gives the tokens that an answer did not need back to its caller's limits, which hold on the account's own machines, too. */
export function givingBack(hold: Hold, taken: TakenTokens): Hold {
  return {
    ...hold,
    settle(settlement) {
      taken.settle(settlement.usage.completion_tokens);
      return hold.settle(settlement);
    },
  };
}

function createHold(requestId: string, build: string, { ledger, metrics, log }: HoldServices): Hold {
  let ended: Promise<SettleOutcome> | undefined;

  /** The ledger repeats what an outage stopped, and recovery ends what it could not; here it remains to tell the operator. */
  function failed(op: "settle" | "release" | "park", error: unknown): void {
    metrics.count("billing_failed_total", { op });
    log.error({ err: error, job: requestId, op }, "ledger call failed");
  }

  async function settleNow(settlement: Omit<Settlement, "requestId">): Promise<SettleOutcome> {
    try {
      const outcome = await ledger.settle({ requestId, ...settlement });
      metrics.count("prompt_tokens_total", { model: build }, settlement.usage.prompt_tokens);
      metrics.count("cached_prompt_tokens_total", { model: build }, settlement.usage.cached_prompt_tokens);
      metrics.count("completion_tokens_total", { model: build }, settlement.usage.completion_tokens);
      return outcome;
    } catch (error) {
      failed("settle", error);
      return { state: "pending" };
    }
  }

  async function releaseNow(reason: ReleaseReason): Promise<SettleOutcome> {
    try {
      await ledger.release(requestId, reason);
    } catch (error) {
      failed("release", error);
    }
    return { state: "released", replayed: true };
  }

  return {
    settle(settlement) {
      ended ??= settleNow(settlement);
      return ended;
    },
    async release(reason) {
      ended ??= releaseNow(reason);
      await ended;
    },
    async park() {
      if (ended !== undefined) return;
      try {
        await ledger.park(requestId);
      } catch (error) {
        // A hold that could not be parked is still held: the settlement that follows finds it, and so does recovery.
        failed("park", error);
      }
    },
  };
}

function refusal(outcome: Exclude<HoldOutcome, { ok: true }>): ApiError {
  if (outcome.reason === "key_limit") {
    const window = outcome.window === "none" ? "total" : outcome.window;
    return new ApiError({
      status: 402,
      code: "insufficient_quota",
      message: `this API key's ${window} limit of ${usd(outcome.limit_microUsd)} would be exceeded: ${usd(outcome.used_microUsd)} are used or held`,
    });
  }
  return new ApiError({
    status: 402,
    code: "insufficient_quota",
    type: "insufficient_funds",
    message:
      `your balance is too low for this request — add funds or lower max_tokens ` +
      `(${usd(outcome.needed_microUsd)} would be held, ${usd(outcome.spendable_microUsd)} can be spent)`,
  });
}

function usd(amount_microUsd: bigint): string {
  const digits = amount_microUsd.toString().padStart(7, "0");
  return `$${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
