import type { Socket } from "node:net";
import { ApiError, openaiChat } from "@umbel/dialects";

/** Answers a connection whose bytes are not an HTTP request that we take, then closes it. No request exists to answer through. */
export function answerMalformedRequest(error: Error & { readonly code?: string }, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = refusalOf(error.code);
  const body = JSON.stringify(openaiChat.renderError(refusal, requestId));
  const head = [
    `HTTP/1.1 ${refusal.status} ${REASONS[refusal.status] ?? "Bad Request"}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${requestId}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

const REASONS: Readonly<Record<number, string>> = { 408: "Request Timeout", 431: "Request Header Fields Too Large" };

function refusalOf(code: string | undefined): ApiError {
  if (code === "HPE_HEADER_OVERFLOW") {
    return new ApiError({
      status: 431,
      code: "header_fields_too_large",
      type: "invalid_request_error",
      message: "the request's headers are too large",
    });
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return new ApiError({ status: 408, code: "request_timeout", message: "the request did not arrive in time" });
  }
  return new ApiError({ status: 400, code: "invalid_request_error", message: "the request is not valid HTTP" });
}
