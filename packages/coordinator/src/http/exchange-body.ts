import type { Dialect } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { createReplySink } from "./answer/reply-sink.js";
import type { AnswerSink } from "./answer/sink.js";
import type { HttpDependencies } from "./dependencies.js";
import { errorHeaders, toApiError } from "./errors.js";
import { noteRefusal, principalOf } from "./exchange.js";
import { readBody } from "./read-body.js";
import { envelope_bytes_max, isSealed } from "./sealed/index.js";
import { refuseUnreadableBody } from "./unreadable-body.js";

/** A request's body, and where its answer goes. */
export interface BodyExchange {
  readonly body: Uint8Array;
  readonly sink: AnswerSink;
  /** Answers with an error, in the shape of the route. */
  readonly refuse: (error: unknown, to: AnswerSink) => Promise<void>;
}

/**
 * Reads the body of a request and lets it be answered: sealed, if the body came sealed. What the handler throws becomes the answer, unless
 * one has begun or nobody is left to read it.
 */
export async function exchangeBody(
  request: FastifyRequest,
  reply: FastifyReply,
  renderError: Dialect<unknown>["renderError"],
  { clock, settings, log, sealing }: HttpDependencies,
  handle: (exchange: BodyExchange) => Promise<void>,
): Promise<unknown> {
  const sink = createReplySink(reply, { clock, stall_ms: settings.writeStallTimeout_ms });
  let answer: AnswerSink = sink;

  async function refuse(error: unknown, to: AnswerSink): Promise<void> {
    const refusal = toApiError(error);
    noteRefusal(request.exchange, refusal);
    if (refusal.code === "internal_error") log.error({ err: error, request_id: request.id }, "request failed");
    const closing = refusal.status === 408 ? { Connection: "close" } : {};
    const headers = { ...errorHeaders(refusal), ...closing };
    await to.whole({ status: refusal.status, headers, body: renderError(refusal, request.id) });
  }

  const { exchange } = request;
  try {
    exchange.stage = "validation";
    refuseUnreadableBody(request.headers);
    const sealed = isSealed(request.headers["content-type"]);
    const { bodyLimit_bytes } = settings;
    const bytes_max = sealed ? envelope_bytes_max(bodyLimit_bytes) : bodyLimit_bytes;
    const limits = { bytes_max, idle_ms: settings.bodyIdleTimeout_ms, total_ms: settings.bodyTimeout_ms };
    let body = await readBody(request.raw, limits, clock);
    exchange.body_bytes = body.length;
    if (sealed) {
      exchange.stage = "transport";
      const route = { method: request.method, path: request.routeOptions.url ?? "" };
      const { accountId } = principalOf(request);
      const opened = await sealing.open({ ...route, envelope: body, accountId, body_bytes_max: bodyLimit_bytes });
      body = opened.body;
      answer = opened.seal(sink);
      exchange.stage = "validation";
    }
    await handle({ body, sink: answer, refuse });
    return sink.gone.aborted ? reply.hijack() : reply;
  } catch (error) {
    if (sink.gone.aborted || reply.raw.destroyed) return reply.hijack();
    if (sink.committed) throw error;
    await refuse(error, answer);
    return reply;
  }
}
