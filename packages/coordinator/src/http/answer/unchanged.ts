import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

/** What changes with every request is asked for anew each time, and sent only where it has become another. */
const ASK_AGAIN = "private, no-cache";

/** Names the answer by `etag`. @returns whether who asks has it already (RFC 9110 §13.1.2): then 304 is all that is to be sent */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header("ETag", etag);
  const known = request.headers["if-none-match"];
  if (known === undefined) return false;
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, "");
  return known.trim() === "*" || known.split(",").some((tag) => opaque(tag) === opaque(etag));
}

export function notModified(reply: FastifyReply): FastifyReply {
  return reply.status(304).send();
}

/** An answer that is named by what it says, because what it is made of changes without a number of its own. */
export function unlessKnown<Answer>(request: FastifyRequest, reply: FastifyReply, answer: Answer): Answer | FastifyReply {
  const etag = `W/"${createHash("sha256").update(JSON.stringify(answer)).digest("base64url").slice(0, 22)}"`;
  reply.header("Cache-Control", ASK_AGAIN);
  return isUnchanged(request, reply, etag) ? notModified(reply) : answer;
}
