import type { AnyDialect, ChatEvent, Dialect, ParsedRequest, RenderContext, StreamRenderer } from "@umbel/dialects";
import type { Answer } from "../../inference/index.js";
import { type OutcomeClass, outcomeOfStatus } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { toApiError } from "../errors.js";
import { answerHeaders } from "./headers.js";
import { keepAlive } from "./keep-alive.js";
import type { AnswerSink } from "./sink.js";

/** A parsed request and what is needed to answer it. */
export interface AnswerRequest {
  /** Id of the answer, and of the inference job. */
  readonly job: string;
  readonly parsed: ParsedRequest<unknown>;
  readonly dialect: AnyDialect<unknown>;
  readonly created_s: number;
  readonly parse_us: number;
  /** Headers that the answer has whoever gives it. */
  readonly notices: Readonly<Record<string, string>>;
  /** @param gone aborted when nobody waits for the answer any more */
  readonly run: (gone: AbortSignal) => Promise<Answer>;
}

interface StreamRequest extends AnswerRequest {
  readonly dialect: Dialect<unknown>;
}

/** Whether the caller asked for a stream, which only some surfaces have. */
export function isStreamed(request: AnswerRequest): request is StreamRequest {
  return request.parsed.stream && "streamRenderer" in request.dialect;
}

/** Says that the charge is not in the ledger yet; a comment, because headers are long gone. */
const BILLING_PENDING = ": billing pending\n\n";

/**
 * Answers as server-sent events. Until the first content nothing is written, so that a refusal keeps its status; only a sign of life after a
 * full interval commits early, and then failures are told in band.
 *
 * @throws ApiError for a failure before anything was written
 */
export async function answerStream(
  request: StreamRequest,
  sink: AnswerSink,
  { clock, settings, log }: HttpDependencies,
): Promise<OutcomeClass> {
  let answer: Answer | undefined;
  const renderer = request.dialect.streamRenderer(contextOf(request, () => answer?.receipt()));

  async function tellInBand(error: unknown): Promise<void> {
    const failure = toApiError(error);
    if (failure.code === "internal_error") log.error({ err: error, job: request.job }, "stream failed");
    await sink.write(renderer.error(failure));
    await sink.end();
  }

  const stopKeepAlive = keepAlive(sink, {
    clock,
    interval_ms: settings.keepaliveInterval_ms,
    headers: { ...request.notices, "X-Inference-Job-ID": request.job },
    text: () => renderer.keepAlive(),
  });
  try {
    answer = await request.run(sink.gone);
  } catch (error) {
    if (!sink.committed || sink.gone.aborted) throw error;
    stopKeepAlive();
    await tellInBand(error);
    return outcomeOfStatus(toApiError(error).status);
  } finally {
    stopKeepAlive();
  }
  sink.begin(answerHeaders(request, answer));
  try {
    await relay(answer, renderer, sink);
    return "success";
  } catch (error) {
    // Nobody is left to be told, and to leave is no failure.
    if (sink.gone.aborted) throw error;
    await tellInBand(error);
    return "mid_stream";
  }
}

async function relay(answer: Answer, renderer: StreamRenderer, sink: AnswerSink): Promise<void> {
  for await (const batch of answer.events) await sink.write(render(batch, renderer));
  const billing = await answer.settled;
  await sink.write((billing.state === "pending" ? BILLING_PENDING : "") + renderer.end());
  await sink.end();
}

function render(batch: readonly ChatEvent[], renderer: StreamRenderer): string {
  let text = "";
  for (const event of batch) text += renderer.event(event);
  return text;
}

export function contextOf({ job, created_s, parsed }: AnswerRequest, receipt: () => string | undefined): RenderContext<unknown> {
  return { id: job, created_s, model: parsed.request.model, options: parsed.options, receipt };
}
