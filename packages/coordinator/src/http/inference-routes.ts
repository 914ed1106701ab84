import {
  type AnyDialect,
  anthropicMessages,
  openaiChat,
  openaiCompletions,
  openaiEmbeddings,
  openaiResponses,
  parseJsonBody,
} from "@umbel/dialects";
import { bytesToUuid } from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { InferenceInput } from "../inference/index.js";
import { retirementHeaders } from "./answer/retirement.js";
import type { AnswerSink } from "./answer/sink.js";
import { type AnswerRequest, answerStream, isStreamed } from "./answer/stream.js";
import { answerWhole } from "./answer/whole.js";
import { callerCountry } from "./caller-country.js";
import { countTokensRoutes } from "./count-tokens-route.js";
import type { HttpDependencies } from "./dependencies.js";
import { toApiError } from "./errors.js";
import { noteRefusal, principalOf } from "./exchange.js";
import { exchangeBody } from "./exchange-body.js";
import { patience_ms } from "./patience.js";
import { shapeOf } from "./rejection.js";
import type { Route } from "./route.js";

/** The API surfaces: a path and the dialect spoken on it. A new surface is one more row. */
export const SURFACES: readonly Surface[] = [
  { path: "/v1/chat/completions", dialect: openaiChat, summary: "Chat completion, as OpenAI's" },
  { path: "/v1/responses", dialect: openaiResponses, summary: "Response, as OpenAI's" },
  { path: "/v1/completions", dialect: openaiCompletions, summary: "Text completion, as OpenAI's" },
  { path: "/v1/embeddings", dialect: openaiEmbeddings, summary: "Embeddings, as OpenAI's" },
  { path: "/v1/messages", dialect: anthropicMessages, summary: "Message, as Anthropic's", apiKeyHeader: true },
];

interface Surface {
  readonly path: string;
  readonly dialect: AnyDialect<unknown>;
  readonly summary: string;
  /** Whether its clients send the key as `x-api-key`. */
  readonly apiKeyHeader?: true;
}

/** One handler for every surface: read, parse, run, render. */
export function inferenceRoutes(dependencies: HttpDependencies): readonly Route[] {
  const surfaces: Route[] = SURFACES.map((surface) => ({
    method: "POST",
    url: surface.path,
    access: "inference",
    doc: { tag: "Inference", summary: surface.summary, ...surface.dialect.schemas },
    renderError: surface.dialect.renderError,
    ...(surface.apiKeyHeader === undefined ? {} : { apiKeyHeader: true }),
    handle: (request, reply) => answer(request, reply, surface, dependencies),
  }));
  return [...surfaces, ...countTokensRoutes(dependencies)];
}

async function answer(request: FastifyRequest, reply: FastifyReply, surface: Surface, dependencies: HttpDependencies): Promise<unknown> {
  const { exchange } = request;
  return exchangeBody(request, reply, surface.dialect.renderError, dependencies, async ({ body, sink, refuse }) => {
    const toAnswer = understand(request, body, surface, dependencies);

    /** Does not reject for a refusal: whoever repeats the request is to see it, too. */
    async function produce(to: AnswerSink): Promise<"answered" | "refused"> {
      try {
        exchange.outcome = await (isStreamed(toAnswer) ? answerStream(toAnswer, to, dependencies) : answerWhole(toAnswer, to));
        return "answered";
      } catch (error) {
        if (to.gone.aborted) throw error;
        await refuse(error, to);
        return "refused";
      }
    }

    const key = request.headers["idempotency-key"];
    if (key === undefined) return void (await produce(sink));
    const { accountId } = principalOf(request);
    const repeatable = { accountId, key: String(key), path: surface.path, body, requestId: toAnswer.job };
    return dependencies.idempotency.answer(repeatable, produce, sink);
  });
}

/** What the body asks for. @throws ApiError 400 */
function understand(request: FastifyRequest, body: Uint8Array, { dialect, path }: Surface, dependencies: HttpDependencies): AnswerRequest {
  const { clock, catalog, inference, randomBytes } = dependencies;
  const parsing_ms = clock.now_ms();
  const wait_ms = patience_ms(request.headers);
  const country = callerCountry(request, dependencies.settings);
  const parsed = dialect.parse(parseJsonBody(body));
  const parse_us = Math.round((clock.now_ms() - parsing_ms) * 1_000);
  const { exchange } = request;
  const resolved = catalog.resolve(parsed.request.model);
  if (resolved !== undefined) exchange.model = parsed.request.model;
  const job = newJobId(randomBytes);
  const ownMachines = ownMachinesOf(request.headers["x-umbel-route"]);
  exchange.shape = shapeOf(parsed, ownMachines);
  const input: Omit<InferenceInput, "consumerGone"> = {
    requestId: job,
    principal: principalOf(request),
    request: parsed.request,
    stream: parsed.stream,
    origin: { clientRequestId: request.id, surface: path },
    ...(parsed.routing === undefined ? {} : { routing: parsed.routing }),
    ...(ownMachines === undefined ? {} : { ownMachines }),
    ...(wait_ms === undefined ? {} : { deadline_ms: parsing_ms + wait_ms }),
    ...(country === undefined ? {} : { country }),
    ...(exchange.visit === undefined ? {} : { visit: exchange.visit }),
  };
  return {
    job,
    parsed,
    dialect,
    created_s: Math.floor(clock.date().getTime() / 1_000),
    parse_us,
    notices: retirementHeaders(resolved?.build),
    async run(consumerGone) {
      try {
        const answer = await inference.run({ ...input, consumerGone });
        exchange.answered = true;
        return answer;
      } catch (error) {
        // Here, because behind signs of life it is told in band.
        if (!consumerGone.aborted) noteRefusal(exchange, toApiError(error));
        throw error;
      }
    },
  };
}

/** Other values are ignored: the header is a wish, and a key can insist. Source: api.md §10.3. */
function ownMachinesOf(header: string | readonly string[] | undefined): InferenceInput["ownMachines"] {
  const wish = String(header ?? "").toLowerCase();
  return wish === "self" ? "only" : wish === "prefer" ? "preferred" : undefined;
}

/** A version 4 UUID (RFC 9562 §5.4). */
function newJobId(randomBytes: (length: number) => Uint8Array): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytesToUuid(bytes);
}
