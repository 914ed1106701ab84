import type { IncomingMessage } from "node:http";
import { ApiError } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";

export interface BodyLimits {
  readonly bytes_max: number;
  /** Longest pause between two pieces. */
  readonly idle_ms: number;
  readonly total_ms: number;
}

/** Of a body that is refused for its size, so much is read and thrown away, so that the sender gets to see the answer. */
const DISCARD_bytes_max = 48 * 1024 * 1024;
const DISCARD_ms_max = 10_000;

/** The sender closed its connection while its body was on the way; nobody is left to answer. */
export class SenderGone extends Error {
  override readonly name = "SenderGone";
}

/**
 * Reads a body, keeping at most `bytes_max` of it.
 *
 * @throws ApiError 413 as soon as more is announced or arrives, 408 when it comes too slowly. @throws SenderGone.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<Uint8Array> {
  if (request.destroyed) return Promise.reject(senderGone());
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > limits.bytes_max) {
    discard(request, clock);
    return Promise.reject(tooLarge(limits.bytes_max));
  }
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    const tooSlow = (): void =>
      fail(new ApiError({ status: 408, code: "request_timeout", message: "the request body did not arrive in time" }));
    const cancelTotal = clock.setTimer(limits.total_ms, tooSlow);
    let cancelIdle = clock.setTimer(limits.idle_ms, tooSlow);

    function onData(piece: Buffer): void {
      cancelIdle();
      length += piece.length;
      if (length > limits.bytes_max) {
        fail(tooLarge(limits.bytes_max));
        discard(request, clock);
        return;
      }
      pieces.push(piece);
      cancelIdle = clock.setTimer(limits.idle_ms, tooSlow);
    }
    function onEnd(): void {
      detach();
      resolve(Buffer.concat(pieces, length));
    }
    function onClose(): void {
      fail(senderGone());
    }
    function fail(error: Error): void {
      detach();
      pieces.length = 0;
      reject(error);
    }
    function detach(): void {
      cancelTotal();
      cancelIdle();
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    }
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

function discard(request: IncomingMessage, clock: Clock): void {
  let length = 0;
  const cut = (): void => void request.destroy();
  const cancel = clock.setTimer(DISCARD_ms_max, cut);
  request.on("data", (piece: Buffer) => {
    length += piece.length;
    if (length > DISCARD_bytes_max) cut();
  });
  request.once("close", cancel);
  // What the connection's end does to a body that nobody wants is no error.
  request.on("error", cancel);
  request.resume();
}

function senderGone(): SenderGone {
  return new SenderGone("the connection closed before the whole body arrived");
}

function tooLarge(bytes_max: number): ApiError {
  return new ApiError({
    status: 413,
    code: "payload_too_large",
    type: "invalid_request_error",
    message: `request body exceeds the ${bytes_max}-byte limit`,
  });
}
