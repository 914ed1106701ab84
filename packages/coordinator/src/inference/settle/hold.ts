import { ApiError, billingPromptBound, type Lack } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { Logger, Metrics } from "../../insight/index.js";
import type { HoldOutcome, Ledger, ReleaseReason, Settlement, SettleOutcome, TokenPrices } from "../../ledger/index.js";
import type { PreparedRequest } from "../admit/check.js";
import type { TakenTokens } from "../types.js";

const RETRY_AFTER_s = 2;

/** The money of one request between its hold and its end. It ends once: by `settle` or by `release`, whichever is called first. */
export interface Hold {
  /** False where nothing is held, and nothing becomes due. */
  readonly billed: boolean;
  /**
   * To be called before a machine is asked: holds what it may cost, where its owner asks for more than others. False if the account or the key has
   * not as much. @throws ApiError 503 when the ledger cannot answer
   */
  affords(attempt: number, machine: AskedMachine): Promise<boolean>;
  /** The machine does not answer: what only it needed is given back. */
  abandon(attempt: number): void;
  /** Posts the price of what was used. Never rejects: what is not in the ledger when it returns is `pending`. */
  settle(settlement: Terminal): Promise<SettleOutcome>;
  /** Gives everything back. Never rejects: through an outage the ledger itself goes on trying. */
  release(reason: ReleaseReason): Promise<void>;
  /** The consumer left after content: keeps the hold open for the provider's terminal. Never rejects. */
  park(): Promise<void>;
}

/** How an answer ended, on which attempt. */
export type Terminal = Omit<Settlement, "requestId" | "ownPrices" | "attempt"> & { readonly attempt: number };

interface AskedMachine {
  readonly machineId: string;
  readonly accountId: string | undefined;
}

export interface HoldServices {
  readonly ledger: Pick<Ledger, "hold" | "attempt" | "abandon" | "settle" | "release" | "park" | "prices" | "useFreely">;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Pick<Clock, "now_ms">;
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
  const start_ms = services.clock.now_ms();
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
    services.metrics.count("billing_reservations_total", { model: request.build.id, mode: modeOf(request), outcome: "failed" });
    services.log.error({ err: cause, job: requestId }, "hold failed");
    throw unreachable(cause);
  } finally {
    services.metrics.observe("billing_hold_latency_ms", {}, services.clock.now_ms() - start_ms);
  }
  const model = request.build.id;
  services.metrics.count("billing_reservations_total", { model, mode: modeOf(request), outcome: outcome.ok ? "held" : outcome.reason });
  if (!outcome.ok) throw refusal(outcome);
  services.metrics.count("billing_reserved_micro_usd_total", { model }, Number(outcome.hold_microUsd));
  return createHold(requestId, request.build.id, services);
}

function modeOf({ input: { principal, ownMachines } }: PreparedRequest): string {
  if (principal.key?.isService === true) return "service";
  return ownMachines === "preferred" ? "prefer" : "any";
}

const NOTHING_DUE: SettleOutcome = { state: "settled", cost_microUsd: 0n, replayed: false };

/** A request for the account's own machines only: nothing is held and nothing becomes due, whoever served. Source: money.md §9. */
export function openFree(
  request: PreparedRequest,
  { ledger, log, clock }: Pick<HoldServices, "ledger" | "log"> & { readonly clock: Clock },
): Hold {
  const { requestId, principal } = request.input;
  const { accountId } = principal;
  const admittedAt = clock.date();
  return {
    billed: false,
    affords: async () => true,
    abandon: () => undefined,
    async settle({ usage, servedBy }) {
      if (servedBy.accountId !== accountId)
        log.error({ job: requestId }, "a stranger's machine served a request for own machines; it is free");
      const consumed = { requestId, accountId, keyId: principal.key?.id, build: request.build.id, publicModel: request.publicName };
      await ledger.useFreely({ ...consumed, usage, servedBy, admittedAt }).catch((error: unknown) => {
        log.error({ err: error, job: requestId }, "what was consumed for nothing was not kept");
      });
      return NOTHING_DUE;
    },
    release: async () => undefined,
    park: async () => undefined,
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

function createHold(requestId: string, build: string, { ledger, metrics, log }: Omit<HoldServices, "clock">): Hold {
  let ended: Promise<SettleOutcome> | undefined;
  /** What the owners of machines ask for that were asked. */
  const ownPrices = new Map<number, TokenPrices>();

  /** The ledger repeats what an outage stopped, and recovery ends what it could not; here it remains to tell the operator. */
  function failed(op: "settle" | "release" | "park" | "abandon", error: unknown): void {
    metrics.count("billing_failed_total", { op });
    log.error({ err: error, job: requestId, op }, "ledger call failed");
  }

  async function settleNow(settlement: Terminal): Promise<SettleOutcome> {
    const own = ownPrices.get(settlement.attempt);
    try {
      const outcome = await ledger.settle({ requestId, ...settlement, ...(own === undefined ? {} : { ownPrices: own }) });
      const { prompt_tokens, completion_tokens } = settlement.usage;
      if (!(prompt_tokens > 0) && !(completion_tokens > 0)) metrics.count("billing_zero_usage_total", { model: build });
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
    metrics.count("billing_reservation_releases_total", { reason });
    try {
      await ledger.release(requestId, reason);
    } catch (error) {
      failed("release", error);
    }
    return { state: "released", replayed: true };
  }

  return {
    billed: true,
    async affords(attempt, { machineId, accountId }) {
      const asked = { requestId, attempt, machineId, accountId };
      const outcome = await ledger.attempt(asked).catch((cause: unknown) => {
        log.error({ err: cause, job: requestId }, "holding more failed");
        throw unreachable(cause);
      });
      if (!outcome.ok) metrics.count("billing_unaffordable_total", { model: build });
      if (outcome.ok && outcome.ownPrices !== undefined) ownPrices.set(attempt, outcome.ownPrices);
      return outcome.ok;
    },
    abandon(attempt) {
      if (!ownPrices.delete(attempt)) return;
      // What it needed beyond the others stays held if this fails, until the request ends.
      ledger.abandon(requestId, attempt).catch((error: unknown) => failed("abandon", error));
    },
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

function unreachable(cause: unknown): ApiError {
  return new ApiError({
    status: 503,
    code: "service_unavailable",
    message: "the ledger cannot be reached right now — please retry",
    retryAfter_s: RETRY_AFTER_s,
    cause,
  });
}

function refusal(outcome: Exclude<HoldOutcome, { ok: true }>): ApiError {
  if (outcome.reason === "frozen") {
    const message = "this account is frozen and can spend nothing — ask the operator";
    return new ApiError({ status: 403, code: "account_frozen", message });
  }
  if (outcome.reason === "key_limit") {
    const window = outcome.window === "none" ? "total" : outcome.window;
    return new ApiError({
      status: 402,
      code: "insufficient_quota",
      lack: lackOf("key_limit", outcome.used_microUsd + outcome.needed_microUsd - outcome.limit_microUsd),
      message: `this API key's ${window} limit of ${usd(outcome.limit_microUsd)} would be exceeded: ${usd(outcome.used_microUsd)} are used or held`,
    });
  }
  return new ApiError({
    status: 402,
    code: "insufficient_quota",
    type: "insufficient_funds",
    lack: lackOf("balance", outcome.needed_microUsd - outcome.spendable_microUsd),
    message:
      `your balance is too low for this request — add funds or lower max_tokens ` +
      `(${usd(outcome.needed_microUsd)} would be held, ${usd(outcome.spendable_microUsd)} can be spent)`,
  });
}

function lackOf(limit: string, short_microUsd: bigint): Lack {
  return { limit, by: Number(short_microUsd), isMoney: true };
}

function usd(amount_microUsd: bigint): string {
  const digits = amount_microUsd.toString().padStart(7, "0");
  return `$${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
