import { ApiError, openaiChat, parseJsonList } from "@umbel/dialects";
import type { FastifyInstance, FastifyReply } from "fastify";
import { LOCAL_LIMITS } from "./limits.js";
import { toApiError } from "./local-error.js";

/** `POST /chat/completions/batch`: a list of chats, answered in their order; one that fails has an error in its place, and the others go on. */
export function addBatchRoute(
  app: FastifyInstance,
  goneOf: (reply: FastifyReply) => AbortSignal,
  answer: (chat: unknown, gone: AbortSignal) => Promise<unknown>,
): void {
  for (const prefix of ["/v1", ""]) {
    app.post(`${prefix}/chat/completions/batch`, async (request, reply) => {
      const gone = goneOf(reply);
      const chats = parseJsonList(request.body instanceof Uint8Array ? request.body : new Uint8Array(0));
      if (chats.length === 0 || chats.length > LOCAL_LIMITS.batch_max) {
        const message = `the body must be a list of 1 to ${LOCAL_LIMITS.batch_max} chats`;
        throw new ApiError({ status: 400, code: "invalid_request_error", message });
      }
      return Promise.all(
        chats.map((chat) => answer(chat, gone).catch((error: unknown) => openaiChat.renderError(toApiError(error), request.id))),
      );
    });
  }
}
