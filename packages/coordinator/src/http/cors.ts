import type { FastifyCorsOptions } from "@fastify/cors";

/** Paths that any web page may read, without credentials. */
const PUBLIC_PATHS = new Set([
  "/v1/pricing",
  "/v1/encryption-key",
  "/v1/models/capacity",
  "/v1/stats",
  "/v1/leaderboard",
  "/v1/network/totals",
  "/v1/models/catalog",
]);

const EXPOSED_HEADERS = [
  "X-Request-ID",
  "X-Inference-Job-ID",
  "X-Provider-Id",
  "X-Provider-Serial",
  "X-Provider-Attested",
  "X-Provider-Encrypted",
  "X-Provider-Trust-Level",
  "X-Provider-Chip",
  "X-Provider-Model",
  "X-Timing",
  "Deprecation",
  "Sunset",
  "X-Billing",
  "X-Umbel-Idempotent-Replay",
  "X-Umbel-Sealed",
  "X-Umbel-Sealed-Kid",
  "Retry-After",
  "Retry-After-Ms",
  "X-RateLimit-Reset",
  ...["requests", "tokens", "input-tokens", "output-tokens"].flatMap((dimension) =>
    ["limit", "remaining", "reset"].map((figure) => `x-ratelimit-${figure}-${dimension}`),
  ),
];

const ALLOWED_HEADERS = [
  "Content-Type",
  "Authorization",
  "X-Request-ID",
  "X-Api-Key",
  "Anthropic-Version",
  "Anthropic-Beta",
  "Idempotency-Key",
  "X-Umbel-Route",
  "X-Umbel-Deadline-Ms",
  // What the official clients send of themselves from a browser.
  "OpenAI-Organization",
  "OpenAI-Project",
  "Anthropic-Dangerous-Direct-Browser-Access",
  ...["Arch", "Helper", "Helper-Method", "Lang", "OS", "Package-Version", "Retry-Count", "Runtime", "Runtime-Version", "Timeout"].map(
    (fact) => `X-Stainless-${fact}`,
  ),
];
const MAX_AGE_s = 600;

/** What a browser may do from another origin, by the request's path and effective method. Source: api.md §2.1. */
export function corsFor(request: { readonly path: string; readonly method: string }, origins: readonly string[]): FastifyCorsOptions {
  const shared = { exposedHeaders: EXPOSED_HEADERS, maxAge: MAX_AGE_s, strictPreflight: false };
  if (PUBLIC_PATHS.has(request.path) && request.method === "GET") {
    return { ...shared, origin: "*", methods: ["GET", "OPTIONS"], allowedHeaders: ["Content-Type"] };
  }
  return {
    ...shared,
    origin: [...origins],
    methods: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    allowedHeaders: ALLOWED_HEADERS,
    credentials: true,
  };
}
