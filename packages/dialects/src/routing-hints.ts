import { z } from "zod";
import type { RoutingHints } from "./dialect.js";
import { parameterError } from "./request-body.js";

/** Longest name of a prefix cache; a longer one is ignored. Source: api.md §8. */
export const CACHE_KEY_BYTES_MAX = 512;

const PINS = ["provider_serial", "provider_serials"] as const;
const serials = z.union([z.string(), z.array(z.string())]).nullish();

/** Pins to machines (api.md §10.2), the same on every surface. */
export const pinFields = {
  provider_serial: serials.describe("Public id, or array of ids, of the machines that may serve the request."),
  provider_serials: serials.describe("As `provider_serial`; both are merged."),
};

type Pins = { readonly [Key in (typeof PINS)[number]]?: string | readonly string[] | null | undefined };

const encoder = new TextEncoder();

/** Checked before a schema, because these have sentences of their own. @throws ApiError 400 for pins that are none. */
export function refuseMalformedPins(fields: Readonly<Record<string, unknown>>): void {
  for (const key of PINS) {
    const value = fields[key];
    if (value == null || typeof value === "string") continue;
    if (!Array.isArray(value)) throw parameterError([key], " must be a string or array of strings");
    if (!value.every((serial) => typeof serial === "string")) throw parameterError([key], " must contain only strings");
  }
}

/**
 * @param cacheKeys the caller's names for a prefix cache, the one that counts first; the first that can be one is taken
 * @throws ApiError 400 for pins to no machine at all
 */
export function routingHints(pins: Pins, cacheKeys: readonly (string | null | undefined)[]): { routing?: RoutingHints } {
  const providers = pinnedProviders(pins);
  const cacheKey = cacheKeys.find((key) => key != null && key !== "" && encoder.encode(key).length <= CACHE_KEY_BYTES_MAX);
  if (providers === undefined && cacheKey == null) return {};
  return { routing: { ...(providers === undefined ? {} : { providers }), ...(cacheKey == null ? {} : { cacheKey }) } };
}

function pinnedProviders(pins: Pins): readonly string[] | undefined {
  const given = PINS.map((key) => pins[key]).filter((value) => value != null);
  if (given.length === 0) return undefined;
  const trimmed = given.flat().map((serial) => serial.trim());
  const distinct = [...new Set(trimmed.filter((serial) => serial !== ""))];
  if (distinct.length === 0) throw parameterError(["provider_serials"], " must include at least one provider serial");
  return distinct;
}
