import type { RoutingHints } from "../dialect.js";
import { parameterError } from "../request-body.js";
import { ANTHROPIC_LIMITS } from "./limits.js";
import type { MessagesBody } from "./schema.js";

const PINS = ["provider_serial", "provider_serials"] as const;

const encoder = new TextEncoder();

/** Checked before the schema, because these have sentences of their own (api.md §10.2). @throws ApiError 400 for pins that are none. */
export function refuseMalformedPins(fields: Readonly<Record<string, unknown>>): void {
  for (const key of PINS) {
    const value = fields[key];
    if (value == null || typeof value === "string") continue;
    if (!Array.isArray(value)) throw parameterError([key], " must be a string or array of strings");
    if (!value.every((serial) => typeof serial === "string")) throw parameterError([key], " must contain only strings");
  }
}

/** Pins to machines (api.md §10.2) and the name of a prefix cache (§8). @throws ApiError 400 for pins to no machine at all. */
export function routingHints(body: MessagesBody): RoutingHints | undefined {
  const providers = pinnedProviders(body);
  const cacheKey = body.metadata?.user_id;
  const named = cacheKey != null && cacheKey !== "" && encoder.encode(cacheKey).length <= ANTHROPIC_LIMITS.cacheKey_bytes_max;
  if (providers === undefined && !named) return undefined;
  return { ...(providers === undefined ? {} : { providers }), ...(named ? { cacheKey } : {}) };
}

function pinnedProviders(body: MessagesBody): readonly string[] | undefined {
  const given = PINS.map((key) => body[key]).filter((value) => value != null);
  if (given.length === 0) return undefined;
  const serials = given.flat().map((serial) => serial.trim());
  const distinct = [...new Set(serials.filter((serial) => serial !== ""))];
  if (distinct.length === 0) throw parameterError(["provider_serials"], " must include at least one provider serial");
  return distinct;
}
