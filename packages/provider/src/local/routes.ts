import { Readable } from "node:stream";
import {
  type AnyDialect,
  ApiError,
  anthropicCountTokens,
  anthropicMessages,
  type ChatRequest,
  estimatePromptTokens,
  openaiChat,
  openaiCompletions,
  openaiEmbeddings,
  openaiInputTokens,
  openaiResponses,
  type ParsedRequest,
  parseJsonBody,
  type RenderContext,
} from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../session/types.js";
import { streamedAnswer, wholeAnswer } from "./answer.js";
import { addBatchRoute } from "./batch-route.js";
import { type Figures, renderMetrics } from "./figures.js";
import type { KeptResponses } from "./kept-responses.js";
import { toApiError } from "./local-error.js";
import { type AskableModel, findModel, prepare } from "./local-models.js";
import type { LocalRequests } from "./local-requests.js";
import { addResponseRoutes, areOfResponse, keepAsItComes } from "./response-routes.js";
import { type AskTextWork, addTextRoutes } from "./text-routes.js";

export type RenderError = AnyDialect<unknown>["renderError"];

declare module "fastify" {
  interface FastifyContextConfig {
    /** The body of an error on this route; OpenAI's shape unless it says otherwise. */
    readonly renderError?: RenderError;
  }
}

/** The API surfaces: a path below `/v1`, and the dialect spoken on it. */
const SURFACES: readonly { readonly path: string; readonly dialect: AnyDialect<unknown> }[] = [
  { path: "/chat/completions", dialect: openaiChat },
  { path: "/responses", dialect: openaiResponses },
  { path: "/completions", dialect: openaiCompletions },
  { path: "/embeddings", dialect: openaiEmbeddings },
  { path: "/messages", dialect: anthropicMessages },
];

interface Counting {
  parse(body: unknown): ChatRequest;
  render(promptTokens: number): unknown;
}

/** Where a caller may ask how long a prompt would be. */
const COUNTERS: readonly { readonly path: string; readonly counting: Counting; readonly renderError: RenderError }[] = [
  { path: "/messages/count_tokens", counting: anthropicCountTokens, renderError: anthropicMessages.renderError },
  { path: "/responses/input_tokens", counting: openaiInputTokens, renderError: openaiResponses.renderError },
];

export interface RouteDependencies {
  /** What can be asked now. */
  readonly models: () => readonly AskableModel[];
  readonly requests: Pick<LocalRequests, "ask">;
  readonly askTextWork: AskTextWork;
  readonly kept: KeptResponses;
  readonly figures: () => Figures;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Logger;
}

/** Adds every route that needs the key. With and without `/v1`, as clients' base URLs differ. */
export function addRoutes(app: FastifyInstance, dependencies: RouteDependencies): void {
  const { models, clock, figures } = dependencies;
  const created_s = seconds(clock);
  app.get("/metrics", async (_, reply) => reply.type("text/plain; version=0.0.4").send(renderMetrics(figures())));
  app.get("/props", async ({ query }) => props(modelAsked(query, models()), figures()));
  addTextRoutes(app, dependencies);
  addResponseRoutes(app, dependencies.kept);
  addBatchRoute(app, consumerGone, (body, gone) => answerOfBatch(body, gone, dependencies));
  for (const prefix of ["/v1", ""]) {
    for (const { path, dialect } of SURFACES) {
      app.post(`${prefix}${path}`, { config: { renderError: dialect.renderError } }, (request, reply) =>
        answer(request, reply, dialect, dependencies),
      );
    }
    for (const { path, counting, renderError } of COUNTERS) {
      app.post(`${prefix}${path}`, { config: { renderError } }, async (request) => {
        const counted = counting.parse(parseJsonBody(bodyOf(request)));
        findModel(models(), counted.model);
        return counting.render(estimatePromptTokens(counted));
      });
    }
    app.get(`${prefix}/models`, async (request) => {
      if (!speaksAnthropic(request)) return { object: "list", data: models().map((model) => modelObject(model, created_s)) };
      const data = models().map((model) => anthropicModel(model, created_s));
      return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    });
    app.get(`${prefix}/models/*`, async (request) => {
      // Checked by the route: a wildcard is one parameter of this name.
      const model = findModel(models(), (request.params as { readonly "*": string })["*"]);
      return speaksAnthropic(request) ? anthropicModel(model, created_s) : modelObject(model, created_s);
    });
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  dialect: AnyDialect<unknown>,
  dependencies: RouteDependencies,
): Promise<unknown> {
  const { clock, logger } = dependencies;
  const gone = consumerGone(reply);
  const body = parseJsonBody(bodyOf(request));
  const parsed = dialect.parse(body);
  const { batches, context } = ask(parsed, { gone, mayKeep: body["store"] !== false }, dependencies);
  if (!parsed.stream || !("streamRenderer" in dialect)) return wholeAnswer(batches, dialect.finalRenderer(context));
  const events = await streamedAnswer(batches, {
    renderer: dialect.streamRenderer(context),
    clock,
    onFailure(error) {
      if (!gone.aborted) logger.warn({ code: toApiError(error).code }, "an answer of the local endpoint broke off");
    },
    onStall: () => void reply.raw.destroy(),
  });
  return reply
    .header("Content-Type", "text/event-stream")
    .header("Cache-Control", "no-cache")
    .header("X-Accel-Buffering", "no")
    .send(Readable.from(events));
}

/** One of a batch: whole, or not at all. */
async function answerOfBatch(body: unknown, gone: AbortSignal, dependencies: RouteDependencies): Promise<unknown> {
  const parsed = openaiChat.parse(body);
  if (parsed.stream) {
    throw new ApiError({ status: 400, code: "invalid_request_error", message: "chats of a batch are not streamed", param: "stream" });
  }
  const { batches, context } = ask(parsed, { gone, mayKeep: false }, dependencies);
  return wholeAnswer(batches, openaiChat.finalRenderer(context));
}

/** What comes of a request, and what its renderer has to know. A response is kept as it comes, if it may be. */
function ask<Options>(
  parsed: ParsedRequest<Options>,
  { gone, mayKeep }: { readonly gone: AbortSignal; readonly mayKeep: boolean },
  { models, requests, clock, newId, kept }: RouteDependencies,
) {
  const about = { id: newId(), created_s: seconds(clock), model: parsed.request.model };
  const { options } = parsed;
  const following = mayKeep && areOfResponse(options) ? keepAsItComes({ ...about, options, isKept: true }, kept) : undefined;
  const signal = following === undefined ? gone : AbortSignal.any([gone, following.cancelled]);
  const { batches, receipt } = requests.ask(prepare(parsed, models(), signal));
  const context: RenderContext<Options> = { ...about, options, receipt, isKept: following !== undefined };
  return { batches: following?.through(batches) ?? batches, context };
}

/** Aborted when the connection ends before the answer does. */
function consumerGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Error("the consumer's connection ended"));
  });
  return controller.signal;
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}

function speaksAnthropic({ headers }: FastifyRequest): boolean {
  return headers["anthropic-version"] !== undefined;
}

function modelObject({ info, name, facts }: AskableModel, created: number): object {
  return {
    id: name,
    object: "model",
    created,
    owned_by: "umbel",
    name: facts.displayName ?? name,
    build: info.id,
    context_length: info.context_length,
    ...(facts.maxOutput_tokens !== undefined && { max_output_length: facts.maxOutput_tokens }),
    ...(info.quantization !== undefined && { quantization: info.quantization }),
    capabilities: info.capabilities,
  };
}

function anthropicModel({ name, facts }: AskableModel, created_s: number) {
  return { type: "model", id: name, display_name: facts.displayName ?? name, created_at: new Date(created_s * 1_000).toISOString() };
}

/** `?model=`, else the first. */
function modelAsked(query: unknown, models: readonly AskableModel[]): AskableModel {
  const { model } = query as { readonly model?: unknown };
  return findModel(models, typeof model === "string" ? model : (models[0]?.name ?? ""));
}

/** What llama.cpp's own server says at this route, as far as it means something here. */
function props({ info, name, facts }: AskableModel, { slots }: Figures): object {
  return {
    model_alias: name,
    build: info.id,
    default_generation_settings: { n_ctx: info.context_length, ...facts.defaults },
    total_slots: slots.find(({ model }) => model === info.id)?.max_concurrency ?? 0,
    modalities: { vision: false, audio: false },
    capabilities: info.capabilities,
  };
}

function seconds(clock: Clock): number {
  return Math.floor(clock.date().getTime() / 1_000);
}
