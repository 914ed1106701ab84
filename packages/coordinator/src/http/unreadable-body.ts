import type { IncomingHttpHeaders } from "node:http";
import { ApiError } from "@umbel/dialects";

/** Bodies are plain JSON whatever their type says, except where the headers rule that out (api.md §7). */
export function refuseUnreadableBody(headers: IncomingHttpHeaders): void {
  if (/^multipart\//i.test(headers["content-type"] ?? "")) throw unsupported("multipart bodies are not accepted; send JSON");
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw unsupported("compressed bodies are not accepted");
}

function unsupported(message: string): ApiError {
  return new ApiError({ status: 415, code: "unsupported_media_type", type: "invalid_request_error", message });
}
