import type { FastifyRequest } from "fastify";

/** Whose change it is: an operator's account, or whoever holds the operator's key. */
export function actorOf({ exchange }: FastifyRequest): string {
  return exchange.principal?.accountId ?? "admin-key";
}
