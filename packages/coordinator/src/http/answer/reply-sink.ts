import type { Clock } from "@umbel/protocol";
import type { FastifyReply } from "fastify";
import { createEventStream } from "./event-stream.js";
import type { AnswerSink } from "./sink.js";

/** Answers on the connection that the request came by. */
export function createReplySink(reply: FastifyReply, options: { readonly clock: Clock; readonly stall_ms: number }): AnswerSink {
  const stream = createEventStream(reply.raw, { ...options, onCommit: () => takeOver(reply) });
  const gone = consumerGone(reply);
  return {
    gone,
    get committed() {
      return stream.committed;
    },
    begin: stream.begin,
    write: stream.write,
    beat: stream.beat,
    end: stream.end,
    async whole({ status, headers, body }) {
      await reply.status(status).headers(headers).send(body);
    },
  };
}

/** From here on the stream writes by itself; the headers that the layers around have set go with it. */
function takeOver(reply: FastifyReply): void {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
}

/** Aborted when the connection ends before the answer does, however far the request has got. */
function consumerGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Error("the consumer's connection ended"));
  });
  return controller.signal;
}
