import type { ServerResponse } from "node:http";
import type { Clock } from "@umbel/protocol";
import type { AnswerHeaders, AnswerSink } from "./sink.js";

const SSE_HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  Connection: "keep-alive",
  "X-Accel-Buffering": "no",
} as const;

/** The consumer closed its connection, or left it unread for too long. */
export class ConsumerGone extends Error {
  override readonly name = "ConsumerGone";
}

export interface EventStreamOptions {
  readonly clock: Clock;
  /** How long the consumer may leave a full buffer unread before its connection is cut. */
  readonly stall_ms: number;
  /** Called once, just before status and headers are written. */
  readonly onCommit?: () => void;
}

/** Server-sent events to one consumer, with back-pressure. */
export function createEventStream(response: ServerResponse, options: EventStreamOptions): Omit<AnswerSink, "gone" | "whole"> {
  const { clock, stall_ms } = options;
  let committed = false;

  function drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancelStall = clock.setTimer(stall_ms, () => {
        response.destroy();
        done(() => reject(new ConsumerGone("the consumer does not read")));
      });
      const onDrain = (): void => done(resolve);
      const onClose = (): void => done(() => reject(new ConsumerGone("the consumer closed its connection")));
      function done(settle: () => void): void {
        cancelStall();
        response.off("drain", onDrain).off("close", onClose);
        settle();
      }
      response.on("drain", onDrain).on("close", onClose);
    });
  }

  return {
    get committed() {
      return committed;
    },
    begin(headers: AnswerHeaders) {
      if (committed || response.destroyed) return;
      committed = true;
      options.onCommit?.();
      response.writeHead(200, { ...headers, ...SSE_HEADERS });
    },
    async write(events) {
      if (events === "") return;
      if (response.destroyed) throw new ConsumerGone("the consumer closed its connection");
      if (!response.write(events)) await drained();
    },
    beat(events) {
      if (!response.destroyed && !response.writableNeedDrain) response.write(events);
    },
    async end() {
      response.end();
    },
  };
}
