import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Clock } from "@umbel/protocol";

const SSE_HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache",
  Connection: "keep-alive",
  "X-Accel-Buffering": "no",
} as const;

/** A comment: keeps proxies and clients from giving up, and is no event. */
const KEEPALIVE = ": keepalive\n\n";

/** The consumer closed its connection, or left it unread for too long. */
export class ConsumerGone extends Error {
  override readonly name = "ConsumerGone";
}

/** Server-sent events to one consumer. One writer at a time. */
export interface EventStream {
  /** Whether status and headers are on their way: from then on failures can only be told in band. */
  readonly committed: boolean;
  /** Sends status 200 and the headers; later calls do nothing. */
  commit(headers: OutgoingHttpHeaders): void;
  /** Writes, and resolves when the consumer has room for more. @throws ConsumerGone */
  write(text: string): Promise<void>;
  /** Writes a comment every `interval_ms` until the returned function is called; the first one commits `headers`. 0 does nothing. */
  keepAlive(interval_ms: number, headers: OutgoingHttpHeaders): () => void;
  end(): void;
}

export interface EventStreamOptions {
  readonly clock: Clock;
  /** How long the consumer may leave a full buffer unread before its connection is cut. */
  readonly stall_ms: number;
  /** Called once, just before status and headers are written. */
  readonly onCommit?: () => void;
}

export function createEventStream(response: ServerResponse, options: EventStreamOptions): EventStream {
  const { clock, stall_ms } = options;
  let committed = false;

  function commit(headers: OutgoingHttpHeaders): void {
    if (committed || response.destroyed) return;
    committed = true;
    options.onCommit?.();
    response.writeHead(200, { ...headers, ...SSE_HEADERS });
  }

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
    commit,
    async write(text) {
      if (text === "") return;
      if (response.destroyed) throw new ConsumerGone("the consumer closed its connection");
      if (!response.write(text)) await drained();
    },
    keepAlive(interval_ms, headers) {
      if (interval_ms === 0) return () => undefined;
      let cancel = clock.setTimer(interval_ms, beat);
      function beat(): void {
        commit(headers);
        // A consumer that has not read the last comments needs no further ones.
        if (!response.destroyed && !response.writableNeedDrain) response.write(KEEPALIVE);
        cancel = clock.setTimer(interval_ms, beat);
      }
      return () => cancel();
    },
    end() {
      response.end();
    },
  };
}
