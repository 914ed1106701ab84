import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { KeyRecord, Principal } from "../../accounts/index.js";
import type { Settings } from "../../config/index.js";
import type { RateLimits, TakenTokens } from "../types.js";
import { createBucketTable } from "./bucket-table.js";
import type { BucketRate, TokenBucket } from "./token-bucket.js";

export type RateSettings = Pick<
  Settings,
  | "requestRate_perSecond"
  | "requestBurst"
  | "serviceRequestRate_perSecond"
  | "serviceRequestBurst"
  | "inputTokens_perMinute"
  | "inputTokensBurst"
  | "outputTokens_perMinute"
  | "outputTokensBurst"
>;

type Dimension = "requests" | "input-tokens" | "output-tokens";

/** A bucket that a charge goes to, and whose it is. */
interface Charge {
  readonly bucket: TokenBucket;
  readonly owner: "account" | "service" | "key";
  readonly dimension: Dimension;
  readonly amount: number;
}

/**
 * Token buckets per account and per key, in memory. Whatever is charged at once is looked at in all its buckets before any is charged, without
 * a pause in between: of any number of requests at once no more pass than the buckets hold. Source: api.md §5.
 */
export function createRateLimits({ clock, settings }: { readonly clock: Clock; readonly settings: RateSettings }): RateLimits {
  const buckets = createBucketTable(clock);
  const accountRates: Readonly<Record<Dimension, BucketRate>> = {
    requests: { perSecond: settings.requestRate_perSecond, burst: settings.requestBurst },
    "input-tokens": { perSecond: settings.inputTokens_perMinute / 60, burst: settings.inputTokensBurst },
    "output-tokens": { perSecond: settings.outputTokens_perMinute / 60, burst: settings.outputTokensBurst },
  };

  const serviceRequests: BucketRate = { perSecond: settings.serviceRequestRate_perSecond, burst: settings.serviceRequestBurst };

  /** The key's bucket before the account's. */
  function charges({ accountId, key }: Principal, dimension: Dimension, amount: number): Charge[] {
    const ofKey = key && keyRate(key, dimension);
    // A trusted aggregator asks for many people at once.
    const isService = key?.isService === true;
    const rate = isService && dimension === "requests" ? serviceRequests : accountRates[dimension];
    const candidates = [
      { owner: "key", bucket: ofKey && buckets.of(`key ${dimension} ${key.id}`, ofKey) },
      { owner: isService ? "service" : "account", bucket: buckets.of(`account ${dimension} ${accountId}`, rate) },
    ] as const;
    return candidates.flatMap(({ owner, bucket }) =>
      bucket === undefined ? [] : [{ owner, bucket, dimension, amount: bucket.charge(amount) }],
    );
  }

  function takeAll(all: readonly Charge[]): void {
    const refused = all.find(({ bucket, amount }) => !bucket.holds(amount));
    if (refused !== undefined) throw refusal(refused, headersOf(all), clock.date());
    for (const { bucket, amount } of all) bucket.take(amount);
  }

  return {
    takeRequest(principal) {
      const all = charges(principal, "requests", 1);
      takeAll(all);
      return headersOf(all);
    },

    takeTokens(principal, { input, output }): TakenTokens {
      const outputs = charges(principal, "output-tokens", output);
      const all = [...charges(principal, "input-tokens", input), ...outputs];
      takeAll(all);
      let ended = false;
      const once = (end: () => void): void => {
        if (!ended) end();
        ended = true;
      };
      return {
        headers: headersOf(all),
        giveBack: () =>
          once(() => {
            for (const { bucket, amount } of all) bucket.giveBack(amount);
          }),
        settle: (made) =>
          once(() => {
            for (const { bucket, amount } of outputs) bucket.giveBack(Math.max(0, amount - made));
          }),
      };
    },
  };
}

/** Which rates of accounts are switched off, by name of the setting. */
export function unlimitedRates(settings: RateSettings): readonly string[] {
  const rates = ["requestRate_perSecond", "inputTokens_perMinute", "outputTokens_perMinute"] as const;
  return rates.filter((rate) => settings[rate] === 0);
}

function keyRate(key: KeyRecord, dimension: Dimension): BucketRate | undefined {
  const limit = { requests: key.rpmLimit, "input-tokens": key.itpmLimit, "output-tokens": key.otpmLimit }[dimension];
  return limit == null || limit === 0 ? undefined : { perSecond: limit / 60, burst: Math.max(1, limit) };
}

/**
 * Of the account, whose limits a client paces itself by. Clients of OpenAI know one sort of tokens, so under that name they get the one of
 * which less is left.
 */
function headersOf(all: readonly Charge[]): Record<string, string> {
  const own = all.filter(({ owner }) => owner !== "key");
  const scarcest = own.filter(({ dimension }) => dimension !== "requests").sort((one, other) => one.bucket.left - other.bucket.left)[0];
  return Object.assign({}, ...own.map(({ bucket, dimension }) => bucket.headers(dimension)), scarcest?.bucket.headers("tokens"));
}

function refusal({ bucket, owner, dimension, amount }: Charge, headers: Record<string, string>, now: Date): ApiError {
  const retryAfter_ms = bucket.wait_ms(amount);
  const retryAfter_s = Math.max(1, Math.floor(retryAfter_ms / 1_000));
  const reset_s = Math.ceil(now.getTime() / 1_000) + retryAfter_s;
  return new ApiError({
    status: 429,
    code: "rate_limit_exceeded",
    tier: owner,
    lack: { limit: `${owner}_${dimension.replace("-", "_")}`, by: Math.ceil(amount - bucket.left), isMoney: false },
    message: sentence(owner, dimension, retryAfter_s),
    retryAfter_s,
    retryAfter_ms,
    headers: dimension === "requests" ? { ...headers, "X-RateLimit-Reset": String(reset_s) } : headers,
  });
}

/** Source: api.md §5.3. */
function sentence(owner: Charge["owner"], dimension: Dimension, retryAfter_s: number): string {
  if (dimension !== "requests") {
    const whose = owner === "key" ? "API key " : "";
    return `${whose}${dimension.replace("-", "_")} rate limit exceeded — retry after ${retryAfter_s}s`;
  }
  if (owner === "key") return `API key request rate limit exceeded — retry after ${retryAfter_s}s`;
  return "too many requests — slow down and retry after the Retry-After interval";
}
