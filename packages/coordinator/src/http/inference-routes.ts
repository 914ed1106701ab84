import { type Dialect, openaiChat } from "@umbel/dialects";
import { bytesToUuid } from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type AnswerRequest, answerStream } from "./answer-stream.js";
import { answerWhole } from "./answer-whole.js";
import type { HttpDependencies } from "./dependencies.js";
import { errorHeaders, toApiError } from "./errors.js";
import { principalOf } from "./exchange.js";
import { parseJsonBody } from "./json-body.js";
import { readBody } from "./read-body.js";
import type { Route } from "./route.js";
import { refuseUnreadableBody } from "./unreadable-body.js";

/** The API surfaces: a path and the dialect spoken on it. A new surface is one more row. */
const SURFACES: readonly { readonly path: string; readonly dialect: Dialect<unknown> }[] = [
  { path: "/v1/chat/completions", dialect: openaiChat },
];

/** One handler for every surface: read, parse, run, render. */
export function inferenceRoutes(dependencies: HttpDependencies): readonly Route[] {
  return SURFACES.map(({ path, dialect }) => ({
    method: "POST",
    url: path,
    access: "inference",
    handle: (request, reply) => answer(request, reply, dialect, dependencies),
  }));
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  dialect: Dialect<unknown>,
  dependencies: HttpDependencies,
): Promise<unknown> {
  const { clock, settings, log, inference, catalog } = dependencies;
  const { exchange } = request;
  const gone = consumerGone(reply);
  try {
    refuseUnreadableBody(request.headers);
    const body = await readBody(
      request.raw,
      { bytes_max: settings.bodyLimit_bytes, idle_ms: settings.bodyIdleTimeout_ms, total_ms: settings.bodyTimeout_ms },
      clock,
    );
    const parsing_ms = clock.now_ms();
    const parsed = dialect.parse(parseJsonBody(body));
    const parse_us = Math.round((clock.now_ms() - parsing_ms) * 1_000);
    if (catalog.resolve(parsed.request.model) !== undefined) exchange.model = parsed.request.model;

    const job = newJobId(dependencies.randomBytes);
    const toAnswer: AnswerRequest = {
      job,
      parsed,
      dialect,
      created_s: Math.floor(clock.date().getTime() / 1_000),
      parse_us,
      run: () =>
        inference.run({
          requestId: job,
          principal: principalOf(request),
          request: parsed.request,
          stream: parsed.stream,
          consumerGone: gone,
        }),
    };
    exchange.outcome = parsed.stream ? await answerStream(toAnswer, reply, dependencies) : await answerWhole(toAnswer, reply);
    return reply;
  } catch (error) {
    if (gone.aborted || reply.raw.destroyed) return reply.hijack();
    const refusal = toApiError(error);
    if (refusal.code === "internal_error") log.error({ err: error, request_id: request.id }, "request failed");
    if (refusal.status === 408) reply.header("Connection", "close");
    return reply.status(refusal.status).headers(errorHeaders(refusal)).send(dialect.renderError(refusal, request.id));
  }
}

/** Aborted when the connection ends before the answer does, however far the request has got. */
function consumerGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Error("the consumer's connection ended"));
  });
  return controller.signal;
}

/** A version 4 UUID (RFC 9562 §5.4). */
function newJobId(randomBytes: (length: number) => Uint8Array): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytesToUuid(bytes);
}
