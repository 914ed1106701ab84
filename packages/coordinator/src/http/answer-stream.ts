import type { ChatEvent, Dialect, ParsedRequest, RenderContext, StreamRenderer } from "@umbel/dialects";
import type { FastifyReply } from "fastify";
import type { Answer } from "../inference/index.js";
import { type OutcomeClass, outcomeOfStatus } from "../insight/index.js";
import { answerHeaders } from "./answer-headers.js";
import type { HttpDependencies } from "./dependencies.js";
import { toApiError } from "./errors.js";
import { createEventStream, type EventStream } from "./event-stream.js";

/** A parsed request and what is needed to answer it. */
export interface AnswerRequest {
  /** Id of the answer, and of the inference job. */
  readonly job: string;
  readonly parsed: ParsedRequest<unknown>;
  readonly dialect: Dialect<unknown>;
  readonly created_s: number;
  readonly parse_us: number;
  readonly run: () => Promise<Answer>;
}

/** Says that the charge is not in the ledger yet; a comment, because headers are long gone. */
const BILLING_PENDING = ": billing pending\n\n";

/**
 * Answers as server-sent events. Until the first content nothing is written, so that a refusal keeps its status; only a keepalive comment
 * after a full interval commits early, and then failures are told in band.
 *
 * @throws ApiError for a failure before anything was written
 */
export async function answerStream(
  request: AnswerRequest,
  reply: FastifyReply,
  { clock, settings, log }: HttpDependencies,
): Promise<OutcomeClass> {
  const stream = createEventStream(reply.raw, { clock, stall_ms: settings.writeStallTimeout_ms, onCommit: () => takeOver(reply) });
  let answer: Answer | undefined;
  const renderer = request.dialect.streamRenderer(contextOf(request, () => answer?.receipt()));

  async function tellInBand(error: unknown): Promise<void> {
    const failure = toApiError(error);
    if (failure.code === "internal_error") log.error({ err: error, job: request.job }, "stream failed");
    await stream.write(renderer.error(failure));
    stream.end();
  }

  const stopKeepalive = stream.keepAlive(settings.keepaliveInterval_ms, { "X-Inference-Job-ID": request.job });
  try {
    answer = await request.run();
  } catch (error) {
    if (!stream.committed) throw error;
    stopKeepalive();
    await tellInBand(error);
    return outcomeOfStatus(toApiError(error).status);
  } finally {
    stopKeepalive();
  }
  stream.commit(answerHeaders(request, answer));
  try {
    await relay(answer, renderer, stream);
    return "success";
  } catch (error) {
    await tellInBand(error);
    return "mid_stream";
  }
}

/** From here on the stream writes by itself; the headers that the layers around have set go with it. */
function takeOver(reply: FastifyReply): void {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
}

async function relay(answer: Answer, renderer: StreamRenderer, stream: EventStream): Promise<void> {
  for await (const batch of answer.events) await stream.write(render(batch, renderer));
  const billing = await answer.settled;
  await stream.write((billing.state === "pending" ? BILLING_PENDING : "") + renderer.end());
  stream.end();
}

function render(batch: readonly ChatEvent[], renderer: StreamRenderer): string {
  let text = "";
  for (const event of batch) text += renderer.event(event);
  return text;
}

export function contextOf({ job, created_s, parsed }: AnswerRequest, receipt: () => string | undefined): RenderContext<unknown> {
  return { id: job, created_s, model: parsed.request.model, options: parsed.options, receipt };
}
