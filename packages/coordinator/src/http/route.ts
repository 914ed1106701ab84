import type { FastifyReply, FastifyRequest } from "fastify";

/** One endpoint. What its `access` implies (gates, authentication, limits) is attached by the server. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly url: string;
  /** `inference`: behind the drain gate and the request limit of the account. `public`: limited per address. `probe`: not limited, not logged. */
  readonly access: "inference" | "account" | "public" | "probe";
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}
