import { createHmac } from "node:crypto";
import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AdministrationError, type AdministrationErrorCode, type AdminRequest } from "../../accounts/index.js";
import { asked } from "../asked.js";
import type { HttpDependencies } from "../dependencies.js";
import type { RouteParameter } from "../openapi/route-doc.js";
import { actorOf } from "../publishing/index.js";

const HEADER = "Idempotency-Key";

/** In words, for the document of the API. */
export const IDEMPOTENCY_KEY: RouteParameter = {
  name: HEADER,
  in: "header",
  description:
    "A repetition with the same key changes nothing and gets the same answer. Without it one is made, and told in the answer's header.",
};

const REFUSALS: Readonly<Record<AdministrationErrorCode, { readonly status: number; readonly code: ApiErrorCode }>> = {
  unknown_account: { status: 404, code: "not_found" },
  ambiguous_email: { status: 409, code: "conflict" },
  not_now: { status: 409, code: "conflict" },
  key_reused: { status: 422, code: "idempotency_key_reused" },
  invalid: { status: 400, code: "bad_request" },
};

/** Who changes what, and under which key; the key is told to the caller. */
export function adminRequestOf(
  request: FastifyRequest,
  reply: FastifyReply,
  { pseudonymSecret }: Pick<HttpDependencies, "pseudonymSecret">,
): AdminRequest {
  const given = request.headers["idempotency-key"];
  // The caller may choose the request's id, so that a key that was never sent can be repeated, too.
  const idempotencyKey = typeof given === "string" && given !== "" ? given : `request:${request.id}`;
  void reply.header(HEADER, idempotencyKey);
  const ipHash = createHmac("sha256", pseudonymSecret).update(`address ${request.ip}`).digest("hex").slice(0, 32);
  return { actor: actorOf(request), ipHash, idempotencyKey };
}

/** @throws ApiError for what the administration refuses, 503 when it does not answer */
export async function administered<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asked(asking);
  } catch (error) {
    if (!(error instanceof AdministrationError)) throw error;
    const { message, field } = error;
    throw new ApiError({ ...REFUSALS[error.code], message, ...(field === undefined ? {} : { param: field }), cause: error });
  }
}
