import type { FastifyReply } from "fastify";
import type { OutcomeClass } from "../insight/index.js";
import { answerHeaders } from "./answer-headers.js";
import { type AnswerRequest, contextOf } from "./answer-stream.js";

/**
 * Answers with one JSON value, after the settlement, so that whoever reads the balance next sees the charge.
 *
 * @throws ApiError when the provider breaks off: nothing was written yet
 */
export async function answerWhole(request: AnswerRequest, reply: FastifyReply): Promise<OutcomeClass> {
  const answer = await request.run();
  const renderer = request.dialect.finalRenderer(contextOf(request, answer.receipt));
  for await (const batch of answer.events) for (const event of batch) renderer.event(event);
  const billing = await answer.settled;
  reply.headers(answerHeaders(request, answer));
  if (billing.state === "pending") reply.header("X-Billing", "pending");
  await reply.send(renderer.result());
  return "success";
}
