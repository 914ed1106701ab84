import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { Principal, PublishingKeyRecord } from "../accounts/index.js";
import type { Visit } from "../inference/index.js";
import type { OutcomeClass, RefusalStage, RejectedShape } from "../insight/index.js";

/** What the layers around a handler learn of one request; mutable, so that the log at the end sees what authentication found. */
export interface Exchange {
  readonly start_ms: number;
  principal: Principal | undefined;
  /** Of a change to the catalogue: the publishing key that makes it. */
  publisher: PublishingKeyRecord | undefined;
  /** Of an inference request: what counts it as under way. */
  visit: Visit | undefined;
  /** Of an inference request: the model that it named, if there is one of that name, and how it ended, once that is known. */
  model: string | undefined;
  outcome: OutcomeClass | undefined;
  /** How far it has come, and what refused it there, if it was refused before its answer began. */
  stage: RefusalStage;
  refusal: ApiError | undefined;
  answered: boolean;
  body_bytes: number | undefined;
  shape: RejectedShape | undefined;
}

export function createExchange(start_ms: number): Exchange {
  return {
    start_ms,
    principal: undefined,
    publisher: undefined,
    visit: undefined,
    model: undefined,
    outcome: undefined,
    stage: "drain",
    refusal: undefined,
    answered: false,
    body_bytes: undefined,
    shape: undefined,
  };
}

/** An answer that has begun and breaks off is none that was refused. */
export function noteRefusal(exchange: Exchange, refusal: ApiError): void {
  if (!exchange.answered) exchange.refusal ??= refusal;
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
