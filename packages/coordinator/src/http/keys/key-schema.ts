import { z } from "zod";
import type { KeyChange, KeyRecord } from "../../accounts/index.js";
import { jsonAmount } from "../money-format.js";
import { usdAmount } from "../usd-amount.js";

const MICRO = 1_000_000;

const perMinute = z.int().min(1).nullable().describe("Per minute; null is the account's own limit.");
const limitReset = z
  .enum(["none", "daily", "weekly", "monthly"])
  .describe("When spending counts from zero again, at 00:00 UTC; weeks begin on Mondays.");

const settable = {
  name: z.string(),
  limit_usd: usdAmount.nullable().describe("Most that the key may spend in its window; null is no limit."),
  limit_reset: limitReset,
  rpm_limit: perMinute,
  itpm_limit: perMinute,
  otpm_limit: perMinute,
  allowed_models: z.array(z.string()).nullable().describe("Names of models; none, or null, is all."),
  self_route_only: z.boolean().describe("The key reaches the account's own machines only, and spends nothing."),
  expires_at: z.iso.datetime({ offset: true }).nullable(),
};

/** The body of `POST /v1/keys`; all of it is optional. */
export const newKeyBody = z.strictObject(settable).partial();

/** The body of `PATCH /v1/keys/{id}`: absent stays as it is, null takes a limit, a list or an end away. */
export const keyChangeBody = z.strictObject({ ...settable, disabled: z.boolean() }).partial();

/** The body of `DELETE /v1/auth/keys`. */
export const secretBody = z.strictObject({ key: z.string() });

export const publicKeyObject = z.object({
  ...settable,
  id: z.string(),
  limit_usd: z.number().nullable(),
  label: z.string().describe("First ten and last four characters of the key."),
  disabled: z.boolean(),
  allowed_models: z.array(z.string()).describe("Empty is all."),
  usage_usd: z.number().describe("Spent in the current window."),
  remaining_usd: z.number().optional().describe("Left in the current window, where there is a limit; never below 0."),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable(),
});
export type PublicKey = z.infer<typeof publicKeyObject>;

export const keyList = z.object({ object: z.literal("list"), data: z.array(publicKeyObject) });
export const issuedKey = z.object({ key: z.string().describe("The secret; it is shown this once."), data: publicKeyObject });
export const legacyKey = z.object({ api_key: z.string(), account_id: z.string() });
export const revoked = z.object({ status: z.literal("revoked") });

/** The fields that are there, in our own words. */
export function changeOf(body: z.infer<typeof keyChangeBody>): KeyChange {
  const { limit_usd, expires_at, ...rest } = body;
  const change = {
    name: rest.name,
    limit_microUsd: limit_usd,
    limitReset: rest.limit_reset,
    rpmLimit: rest.rpm_limit,
    itpmLimit: rest.itpm_limit,
    otpmLimit: rest.otpm_limit,
    allowedModels: rest.allowed_models === null ? [] : rest.allowed_models,
    selfRouteOnly: rest.self_route_only,
    expiresAt: expires_at == null ? expires_at : new Date(expires_at),
    disabled: rest.disabled,
  };
  // Fields that are not there are left out, because for them "undefined" would be a wish.
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

export function publicKey(key: KeyRecord, spent_microUsd: bigint): PublicKey {
  const { limit_microUsd } = key;
  const left_microUsd = limit_microUsd === null ? null : limit_microUsd - spent_microUsd;
  return {
    id: key.id,
    name: key.name,
    label: key.label,
    disabled: key.disabled,
    limit_usd: limit_microUsd === null ? null : jsonUsd(limit_microUsd),
    limit_reset: key.limitReset,
    usage_usd: jsonUsd(spent_microUsd),
    ...(left_microUsd === null ? {} : { remaining_usd: jsonUsd(left_microUsd > 0n ? left_microUsd : 0n) }),
    rpm_limit: key.rpmLimit,
    itpm_limit: key.itpmLimit,
    otpm_limit: key.otpmLimit,
    allowed_models: [...key.allowedModels],
    self_route_only: key.selfRouteOnly,
    expires_at: key.expiresAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}

/** Limits and usage of keys are JSON numbers in USD, unlike other amounts (money.md §1). */
function jsonUsd(amount_microUsd: bigint): number {
  return jsonAmount(amount_microUsd) / MICRO;
}
