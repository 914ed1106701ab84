import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { isPublishingKey, type PublishingKeys, type PublishingScope } from "../../accounts/index.js";
import { asked } from "../asked.js";
import { bearerOf } from "../bearer.js";

/** In which pipelines may send a publishing key that another header's place is taken from. */
const PUBLISHING_KEY_HEADER = "x-umbel-publishing-key";

/** The publishing key that a request carries; undefined when it carries none. */
export function publishingKeyOf({ headers }: FastifyRequest): string | undefined {
  const own = headers[PUBLISHING_KEY_HEADER];
  if (typeof own === "string") return own.trim();
  const token = bearerOf(headers.authorization);
  return token !== undefined && isPublishingKey(token) ? token : undefined;
}

/**
 * Lets a publishing key in that has the scope, and notes whose it is.
 *
 * @param scope undefined takes a key of any scope
 * @throws ApiError 401 for a key that is unknown, revoked or expired, 403 for one without the scope
 */
export async function admitPublisher(
  request: FastifyRequest,
  secret: string,
  { keys, scope }: { readonly keys: Pick<PublishingKeys, "authenticate">; readonly scope: PublishingScope | undefined },
): Promise<void> {
  const key = await asked(keys.authenticate(secret));
  if (key === undefined) {
    throw new ApiError({ status: 401, code: "authentication_error", message: "unknown, revoked or expired publishing key" });
  }
  request.exchange.publisher = key;
  if (scope !== undefined) requireScope(request, scope);
}

/** Of a request that goes further than its route says. @throws ApiError 403 when it comes with a publishing key without the scope */
export function requireScope({ exchange }: FastifyRequest, scope: PublishingScope): void {
  if (exchange.publisher === undefined || exchange.publisher.scopes.includes(scope)) return;
  throw new ApiError({ status: 403, code: "forbidden", message: `this publishing key has not the scope ${scope}` });
}

/** Whose change it is, for the audit: an account, a publishing key, or whoever holds one of the operator's keys. */
export function actorOf({ exchange }: FastifyRequest): string {
  if (exchange.publisher !== undefined) return `publishing-key:${exchange.publisher.id}`;
  const { principal } = exchange;
  return principal === undefined || principal.method === "admin_key" ? "admin-key" : principal.accountId;
}
