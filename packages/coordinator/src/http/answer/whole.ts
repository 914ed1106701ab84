import type { OutcomeClass } from "../../insight/index.js";
import { answerHeaders } from "./headers.js";
import type { AnswerSink } from "./sink.js";
import { type AnswerRequest, contextOf } from "./stream.js";

/**
 * Answers with one JSON value, after the settlement, so that whoever reads the balance next sees the charge.
 *
 * @throws ApiError when the provider breaks off: nothing was written yet
 */
export async function answerWhole(request: AnswerRequest, sink: AnswerSink): Promise<OutcomeClass> {
  const answer = await request.run(sink.gone);
  const renderer = request.dialect.finalRenderer(contextOf(request, answer.receipt));
  for await (const batch of answer.events) for (const event of batch) renderer.event(event);
  const billing = await answer.settled;
  const headers = answerHeaders(request, answer);
  await sink.whole({
    status: 200,
    headers: billing.state === "pending" ? { ...headers, "X-Billing": "pending" } : headers,
    body: renderer.result(),
  });
  return "success";
}
