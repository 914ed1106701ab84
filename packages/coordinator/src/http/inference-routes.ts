import { type Dialect, openaiChat } from "@umbel/dialects";
import { bytesToUuid } from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { InferenceInput } from "../inference/index.js";
import { createReplySink } from "./answer/reply-sink.js";
import type { AnswerSink } from "./answer/sink.js";
import { type AnswerRequest, answerStream } from "./answer/stream.js";
import { answerWhole } from "./answer/whole.js";
import type { HttpDependencies } from "./dependencies.js";
import { errorHeaders, toApiError } from "./errors.js";
import { principalOf } from "./exchange.js";
import { parseJsonBody } from "./json-body.js";
import { readBody } from "./read-body.js";
import type { Route } from "./route.js";
import { refuseUnreadableBody } from "./unreadable-body.js";

/** The API surfaces: a path and the dialect spoken on it. A new surface is one more row. */
const SURFACES: readonly Surface[] = [{ path: "/v1/chat/completions", dialect: openaiChat, summary: "Chat completion" }];

interface Surface {
  readonly path: string;
  readonly dialect: Dialect<unknown>;
  readonly summary: string;
  /** Whether its clients send the key as `x-api-key`. */
  readonly apiKeyHeader?: true;
}

/** One handler for every surface: read, parse, run, render. */
export function inferenceRoutes(dependencies: HttpDependencies): readonly Route[] {
  return SURFACES.map((surface) => ({
    method: "POST",
    url: surface.path,
    access: "inference",
    doc: { tag: "Inference", summary: surface.summary, ...surface.dialect.schemas },
    renderError: surface.dialect.renderError,
    ...(surface.apiKeyHeader === undefined ? {} : { apiKeyHeader: true }),
    handle: (request, reply) => answer(request, reply, surface, dependencies),
  }));
}

async function answer(request: FastifyRequest, reply: FastifyReply, surface: Surface, dependencies: HttpDependencies): Promise<unknown> {
  const { clock, settings, idempotency } = dependencies;
  const { exchange } = request;
  const sink = createReplySink(reply, { clock, stall_ms: settings.writeStallTimeout_ms });
  const refuse = (error: unknown, to: AnswerSink) => answerRefusal(error, to, request.id, surface, dependencies);
  try {
    const body = await bodyOf(request, dependencies);
    const toAnswer = understand(request, body, surface, dependencies);

    /** Never rejects for a refusal: whoever repeats the request is to see it, too. */
    async function produce(to: AnswerSink): Promise<"answered" | "refused"> {
      try {
        exchange.outcome = toAnswer.parsed.stream ? await answerStream(toAnswer, to, dependencies) : await answerWhole(toAnswer, to);
        return "answered";
      } catch (error) {
        if (to.gone.aborted) throw error;
        await refuse(error, to);
        return "refused";
      }
    }

    const key = request.headers["idempotency-key"];
    if (key === undefined) await produce(sink);
    else {
      const { accountId } = principalOf(request);
      const repeatable = { accountId, key: String(key), path: surface.path, body, requestId: toAnswer.job };
      await idempotency.answer(repeatable, produce, sink);
    }
    return sink.gone.aborted ? reply.hijack() : reply;
  } catch (error) {
    if (sink.gone.aborted || reply.raw.destroyed) return reply.hijack();
    if (sink.committed) throw error;
    await refuse(error, sink);
    return reply;
  }
}

async function bodyOf(request: FastifyRequest, { clock, settings }: HttpDependencies): Promise<Uint8Array> {
  refuseUnreadableBody(request.headers);
  const limits = { bytes_max: settings.bodyLimit_bytes, idle_ms: settings.bodyIdleTimeout_ms, total_ms: settings.bodyTimeout_ms };
  return readBody(request.raw, limits, clock);
}

/** What the body asks for. @throws ApiError 400 */
function understand(request: FastifyRequest, body: Uint8Array, { dialect }: Surface, dependencies: HttpDependencies): AnswerRequest {
  const { clock, catalog, inference, randomBytes } = dependencies;
  const parsing_ms = clock.now_ms();
  const parsed = dialect.parse(parseJsonBody(body));
  const parse_us = Math.round((clock.now_ms() - parsing_ms) * 1_000);
  const { exchange } = request;
  if (catalog.resolve(parsed.request.model) !== undefined) exchange.model = parsed.request.model;
  const job = newJobId(randomBytes);
  const ownMachines = ownMachinesOf(request.headers["x-umbel-route"]);
  const input: Omit<InferenceInput, "consumerGone"> = {
    requestId: job,
    principal: principalOf(request),
    request: parsed.request,
    stream: parsed.stream,
    ...(parsed.routing === undefined ? {} : { routing: parsed.routing }),
    ...(ownMachines === undefined ? {} : { ownMachines }),
  };
  return {
    job,
    parsed,
    dialect,
    created_s: Math.floor(clock.date().getTime() / 1_000),
    parse_us,
    run: (consumerGone) => inference.run({ ...input, consumerGone }),
  };
}

/** Other values are ignored: the header is a wish, and a key can insist. Source: api.md §10.3. */
function ownMachinesOf(header: string | readonly string[] | undefined): InferenceInput["ownMachines"] {
  const wish = String(header ?? "").toLowerCase();
  return wish === "self" ? "only" : wish === "prefer" ? "preferred" : undefined;
}

async function answerRefusal(
  error: unknown,
  sink: AnswerSink,
  requestId: string,
  { dialect }: Surface,
  { log }: HttpDependencies,
): Promise<void> {
  const refusal = toApiError(error);
  if (refusal.code === "internal_error") log.error({ err: error, request_id: requestId }, "request failed");
  const closing = refusal.status === 408 ? { Connection: "close" } : {};
  const headers = { ...errorHeaders(refusal), ...closing };
  await sink.whole({ status: refusal.status, headers, body: dialect.renderError(refusal, requestId) });
}

/** A version 4 UUID (RFC 9562 §5.4). */
function newJobId(randomBytes: (length: number) => Uint8Array): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytesToUuid(bytes);
}
