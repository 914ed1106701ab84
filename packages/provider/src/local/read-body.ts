import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { ApiError } from "@umbel/dialects";
import { tooLarge } from "./local-error.js";

export interface BodyLimits {
  readonly bytes_max: number;
  /** Read and thrown away beyond that, so that the sender gets to see the refusal. */
  readonly discarded_bytes_max: number;
}

/** Bodies are plain JSON whatever their type says. @throws ApiError 415, 413 */
export async function readBody(headers: IncomingHttpHeaders, payload: Readable, limits: BodyLimits): Promise<Uint8Array> {
  const encoding = headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding !== "identity" || /^multipart\//i.test(headers["content-type"] ?? "")) {
    throw new ApiError({
      status: 415,
      code: "unsupported_media_type",
      type: "invalid_request_error",
      message: "compressed and multipart bodies are not accepted; send JSON",
    });
  }
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of payload as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length <= limits.bytes_max) pieces.push(piece);
    else pieces.length = 0;
    if (length > limits.bytes_max + limits.discarded_bytes_max) break;
  }
  if (length > limits.bytes_max) throw tooLarge(limits.bytes_max);
  return Buffer.concat(pieces, length);
}
