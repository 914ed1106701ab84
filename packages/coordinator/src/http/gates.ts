import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { drainingRefusal } from "../inference/index.js";
import { authenticate } from "./bearer.js";
import type { HttpDependencies } from "./dependencies.js";
import { principalOf } from "./exchange.js";
import { createRequestLimiter, type Taken } from "./rate-limit.js";
import type { Route } from "./route.js";

/** Something a request passes before its body is read. */
type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** The gates in front of each kind of route, in order. Source: api.md §2. */
export function createGates(dependencies: HttpDependencies, isDraining: () => boolean): Readonly<Record<Route["access"], readonly Gate[]>> {
  const { accounts, clock, settings } = dependencies;
  const accountLimit = createRequestLimiter({ perSecond: settings.requestRate_perSecond, burst: settings.requestBurst }, clock);
  const addressLimit = createRequestLimiter({ perSecond: settings.publicRate_perSecond, burst: settings.publicBurst }, clock);

  const notDraining: Gate = async () => {
    if (isDraining()) throw drainingRefusal();
  };
  const authenticated: Gate = async (request) => {
    const { authorization, "x-api-key": apiKey } = request.headers;
    const accepted = request.routeOptions.config.umbel?.apiKeyHeader === true && typeof apiKey === "string" ? { apiKey } : {};
    request.exchange.principal = await authenticate({ authorization, ...accepted }, accounts);
  };
  const withinAccountLimit: Gate = async (request, reply) => {
    const taken = accountLimit.take(principalOf(request).accountId);
    reply.headers(taken.headers);
    refuseAbove(taken, reply);
  };
  const withinAddressLimit: Gate = async (request, reply) => refuseAbove(addressLimit.take(request.ip), reply);

  function refuseAbove({ allowed, retryAfter_s }: Taken, reply: FastifyReply): void {
    if (allowed) return;
    reply.header("X-RateLimit-Reset", Math.ceil(clock.date().getTime() / 1_000) + retryAfter_s);
    throw new ApiError({
      status: 429,
      code: "rate_limit_exceeded",
      message: "too many requests — slow down and retry after the Retry-After interval",
      retryAfter_s,
    });
  }

  return {
    inference: [notDraining, authenticated, withinAccountLimit],
    account: [authenticated],
    public: [withinAddressLimit],
    probe: [],
  };
}
