import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { Principal } from "../accounts/index.js";
import type { Visit } from "../inference/index.js";
import type { OutcomeClass } from "../insight/index.js";

/** What the layers around a handler learn of one request; mutable, so that the log at the end sees what authentication found. */
export interface Exchange {
  readonly start_ms: number;
  principal: Principal | undefined;
  /** Of an inference request: what counts it as under way. */
  visit: Visit | undefined;
  /** Of an inference request: the model that it named, if there is one of that name, and how it ended, once that is known. */
  model: string | undefined;
  outcome: OutcomeClass | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    exchange: Exchange;
  }
}

/** The caller of a route that requires an account. */
export function principalOf(request: FastifyRequest): Principal {
  const { principal } = request.exchange;
  if (principal === undefined) throw new ApiError({ status: 500, code: "internal_error", message: "internal server error" });
  return principal;
}
