import { type Clock, decodeFrame, type Frame, FrameError, type InferenceRequest, type RequestId } from "@umbel/protocol";
import { WORKER_LIMITS } from "./limits.js";
import { RequestError } from "./request-error.js";

/** A request under way, as the table knows it. */
export interface OpenRequest {
  readonly request: InferenceRequest;
  readonly signal: AbortSignal;
  /** Rejects with RequestError when the body does not come in time, is not what was announced, or the request is cancelled before. */
  readonly body: Promise<Uint8Array>;
}

/** Requests under way: pairs each control message with the sealed body that follows it, and finds the ones to cancel. */
export interface RequestTable {
  readonly size: number;
  has(requestId: RequestId): boolean;
  ids(): readonly string[];
  /** The id must not be under way. */
  open(request: InferenceRequest): OpenRequest;
  /** Takes a binary frame. False when it belongs to no request that waits for one. */
  body(frame: Uint8Array): boolean;
  /** False when there is no such request. */
  cancel(requestId: string): boolean;
  cancelAll(): void;
  /** Forgets a request; its terminal has been sent. */
  close(requestId: RequestId): void;
}

interface Entry {
  readonly request: InferenceRequest;
  readonly controller: AbortController;
  readonly settleBody: (body: Uint8Array | RequestError) => void;
}

export function createRequestTable(clock: Clock): RequestTable {
  const entries = new Map<string, Entry>();
  const awaiting = new Set<Entry>();

  function open(request: InferenceRequest): OpenRequest {
    const controller = new AbortController();
    let settleBody: Entry["settleBody"] = () => undefined;
    const body = new Promise<Uint8Array>((resolve, reject) => {
      settleBody = (outcome) => {
        cancelTimeout();
        awaiting.delete(entry);
        if (outcome instanceof RequestError) reject(outcome);
        else resolve(outcome);
      };
    });
    const cancelTimeout = clock.setTimer(WORKER_LIMITS.bodyWait_ms, () => settleBody(new RequestError("timeout")), "background");
    const entry: Entry = { request, controller, settleBody };
    entries.set(request.request_id, entry);
    awaiting.add(entry);
    return { request, signal: controller.signal, body };
  }

  function cancelEntry(entry: Entry): void {
    entry.controller.abort();
    if (awaiting.has(entry)) entry.settleBody(new RequestError("cancelled"));
  }

  return {
    get size() {
      return entries.size;
    },
    has: (requestId) => entries.has(requestId),
    ids: () => [...entries.keys()],
    open,
    body(bytes) {
      const frame = readFrame(bytes);
      const entry = frame === undefined ? undefined : entries.get(frame.requestId);
      if (frame === undefined || entry === undefined || !awaiting.has(entry)) return false;
      const isAsAnnounced = frame.sequence === 0 && frame.payload.length === entry.request.body_bytes;
      entry.settleBody(isAsAnnounced ? frame.payload : new RequestError("client_request"));
      return true;
    },
    cancel(requestId) {
      const entry = entries.get(requestId);
      if (entry !== undefined) cancelEntry(entry);
      return entry !== undefined;
    },
    cancelAll() {
      for (const entry of entries.values()) cancelEntry(entry);
    },
    close: (requestId) => {
      entries.delete(requestId);
    },
  };
}

function readFrame(bytes: Uint8Array): Frame | undefined {
  try {
    return decodeFrame(bytes);
  } catch (error) {
    if (error instanceof FrameError) return undefined;
    throw error;
  }
}
