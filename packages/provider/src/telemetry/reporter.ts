import { allowedFields, type Clock, stackFrames, type TelemetryEvent, type TelemetryFields, type TelemetryMessage } from "@umbel/protocol";
import type { Logger } from "../session/types.js";
import type { DiskQueue } from "./disk-queue.js";
import { REPORTER_LIMITS } from "./limits.js";

/** Tells the coordinator what happened to this program, in words of a closed list. */
export interface Telemetry {
  /** Nobody waits for it. */
  tell(message: TelemetryMessage, fields?: TelemetryFields): void;
  /** The process ends: the error, and all that is still to be told, go to the disk at once, for the next start to tell. */
  tellAtEnd(error: unknown): void;
  /** Tells what waits, as far as that works in a few seconds; the rest goes to the disk. */
  close(): Promise<void>;
}

/** Where the owner has not agreed, or there is nobody to tell. */
export const NO_TELEMETRY: Telemetry = { tell: () => undefined, tellAtEnd: () => undefined, close: async () => undefined };

/** Sends a request; as `fetch`. */
export type Send = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string; signal: AbortSignal },
) => Promise<Answer>;
interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  arrayBuffer(): Promise<unknown>;
}

export interface TelemetryOptions {
  readonly coordinatorUrl: string;
  readonly authToken: string | undefined;
  readonly version: string;
  /** What every event says of the machine. */
  readonly machine: TelemetryFields;
  readonly queue: DiskQueue;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly send: Send;
  readonly logger: Pick<Logger, "debug">;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { queue, clock, newId, send, logger, authToken } = options;
  const url = eventsUrl(options.coordinatorUrl);
  const sessionId = newId();
  let waiting: TelemetryEvent[] = [];
  let sending: Promise<void> | undefined;
  let wait_ms = 0;
  let notBefore_ms = Number.NEGATIVE_INFINITY;
  let isClosed = false;
  let cancelTimer: () => void = () => undefined;
  /** What is on its way is given up by it. */
  let leaving = new AbortController();

  function eventOf(message: TelemetryMessage, fields: TelemetryFields, stack?: string): TelemetryEvent {
    return {
      ...{ id: newId(), timestamp: clock.date().toISOString(), source: "provider", message, version: options.version },
      session_id: sessionId,
      // Whatever the caller's types say: this is the last place on this machine.
      fields: allowedFields({ ...options.machine, ...fields }),
      ...(stack === undefined || stack === "" ? {} : { stack }),
    };
  }

  function put(event: TelemetryEvent): void {
    waiting.push(event);
    if (waiting.length > REPORTER_LIMITS.waiting_max) queue.add(waiting.splice(0, REPORTER_LIMITS.waiting_max / 2));
    if (waiting.length >= REPORTER_LIMITS.batch_max) flush();
  }

  /** One at a time; a wait after a failure is kept. */
  function flush(): void {
    if (sending !== undefined || clock.now_ms() < notBefore_ms) return;
    sending = sendAll().finally(() => {
      sending = undefined;
    });
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = nextBatch();
      if (await isSettled(batch)) continue;
      queue.add(batch);
      return;
    }
    while (!queue.isEmpty && !isClosed) {
      const batch = queue.first();
      if (batch.length > 0 && !(await isSettled(batch))) return;
      queue.removeFirst();
    }
  }

  function nextBatch(): readonly TelemetryEvent[] {
    let characters = 0;
    const end = waiting.slice(0, REPORTER_LIMITS.batch_max).findIndex((event, index) => {
      characters += JSON.stringify(event).length;
      return index > 0 && characters > REPORTER_LIMITS.batch_characters_max;
    });
    return waiting.splice(0, end === -1 ? REPORTER_LIMITS.batch_max : end);
  }

  /** False when the same may work later. What is refused as it is would be refused again, and is given up. */
  async function isSettled(events: readonly TelemetryEvent[]): Promise<boolean> {
    const answer = await post(events);
    const status = answer?.status ?? 0;
    if (status === 0 || status === 408 || status === 429 || status >= 500) {
      wait_ms = Math.min(Math.max(wait_ms * 2, REPORTER_LIMITS.retry_first_ms), REPORTER_LIMITS.retry_ms_max);
      const asked_ms = Number(answer?.headers.get("retry-after") ?? 0) * 1_000;
      const bounded_ms = asked_ms > 0 ? Math.min(asked_ms, REPORTER_LIMITS.retry_ms_max) : 0;
      notBefore_ms = clock.now_ms() + Math.max(wait_ms, bounded_ms);
      return false;
    }
    wait_ms = 0;
    if (status >= 300) logger.debug({ status, events: events.length }, "the coordinator does not take what this machine tells");
    return true;
  }

  async function post(events: readonly TelemetryEvent[]): Promise<Answer | undefined> {
    const headers = { "content-type": "application/json", ...(authToken === undefined ? {} : { authorization: `Bearer ${authToken}` }) };
    const late = new AbortController();
    const cancel = clock.setTimer(REPORTER_LIMITS.answer_ms, () => late.abort(), "background");
    try {
      const signal = AbortSignal.any([late.signal, leaving.signal]);
      const answer = await send(url, { method: "POST", headers, body: JSON.stringify({ events }), signal });
      // Else the connection is not free for another.
      await answer.arrayBuffer();
      return answer;
    } catch {
      return undefined;
    } finally {
      cancel();
    }
  }

  function later(): void {
    cancelTimer = clock.setTimer(
      REPORTER_LIMITS.flush_ms,
      () => {
        if (waiting.length > 0 || !queue.isEmpty) flush();
        later();
      },
      "background",
    );
  }
  later();

  return {
    tell(message, fields = {}) {
      if (!isClosed) put(eventOf(message, fields));
    },
    tellAtEnd(error) {
      const { name, stack } = error instanceof Error ? error : new Error();
      const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
      queue.add([...waiting, eventOf("uncaught_error", { error_class: name, error: code }, stackFrames(stack ?? ""))]);
      waiting = [];
    },
    async close() {
      isClosed = true;
      cancelTimer();
      if (waiting.length > 0) flush();
      const cancel = clock.setTimer(REPORTER_LIMITS.close_ms, () => leaving.abort());
      await sending;
      cancel();
      leaving = new AbortController();
      if (waiting.length > 0) queue.add(waiting.splice(0));
    },
  };
}

/** `wss://host/base` → `https://host/base/v1/telemetry/events`. */
export function eventsUrl(coordinatorUrl: string): string {
  return apiUrl(coordinatorUrl, "/v1/telemetry/events");
}

/** A place of the coordinator's API, from the address that machines connect to. */
export function apiUrl(coordinatorUrl: string, place: string): string {
  const url = new URL(coordinatorUrl);
  url.protocol = url.protocol.replace(/^ws/, "http");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}${place}`;
  url.search = "";
  url.hash = "";
  return url.href;
}
