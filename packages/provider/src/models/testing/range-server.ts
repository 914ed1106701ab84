import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How a served file misbehaves. */
interface Served {
  bytes: Uint8Array;
  etag?: string;
  /** Answers with the whole file, whatever range is asked for. */
  ignoresRanges?: boolean;
  /** Status in place of an answer, for the first requests. */
  refusals?: { status: number; retryAfter_s?: number }[];
  /** Bytes after which an answer breaks off, for the first requests. */
  cuts?: number[];
  /** Bytes after which every answer stands still. */
  stallsAt?: number;
  redirectTo?: string;
  /** More headers of the answer. */
  headers?: Record<string, string>;
}

/** A file server on this machine that speaks ranges, and can be made to fail. */
export interface RangeServer {
  readonly url: string;
  readonly http: Server;
  readonly files: Map<string, Served>;
  /** Requests so far: what was asked for, and how many bytes were sent. */
  readonly requests: {
    path: string;
    range: string | undefined;
    ifRange: string | undefined;
    sent_bytes: number;
    headers: IncomingMessage["headers"];
  }[];
  close(): Promise<void>;
}

export async function startRangeServer(): Promise<RangeServer> {
  const files: RangeServer["files"] = new Map();
  const requests: RangeServer["requests"] = [];
  const server = createServer((request, response) => answer(request, response, files, requests));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    http: server,
    files,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, files: RangeServer["files"], requests: RangeServer["requests"]): void {
  const path = decodeURIComponent(request.url ?? "");
  const seen = {
    path,
    range: request.headers.range,
    ifRange: request.headers["if-range"] as string | undefined,
    sent_bytes: 0,
    headers: request.headers,
  };
  requests.push(seen);
  const file = files.get(path);
  if (file === undefined) return void response.writeHead(404).end();
  const refusal = file.refusals?.shift();
  if (refusal !== undefined) {
    return void response
      .writeHead(refusal.status, refusal.retryAfter_s === undefined ? {} : { "retry-after": String(refusal.retryAfter_s) })
      .end();
  }
  if (file.redirectTo !== undefined) return void response.writeHead(302, { location: file.redirectTo, ...file.headers }).end();
  const { bytes, etag } = file;
  const headers = { ...(etag === undefined ? {} : { etag }), ...file.headers };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const isFresh = seen.ifRange === undefined || seen.ifRange === etag;
  const isPartial = first !== undefined && isFresh && file.ignoresRanges !== true;
  const start = isPartial ? Number(first) : 0;
  if (start >= bytes.length && isPartial) return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
  const end = isPartial && last !== "" ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
  const body = bytes.subarray(start, end);
  const range = isPartial ? { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` } : {};
  response.writeHead(isPartial ? 206 : 200, { ...headers, ...range, "content-length": body.length });
  if (file.stallsAt !== undefined) return void response.write(body.subarray(0, file.stallsAt));
  const cut = file.cuts?.shift();
  const sent = cut === undefined ? body : body.subarray(0, cut);
  seen.sent_bytes = sent.length;
  if (cut === undefined || cut >= body.length) return void response.end(sent);
  response.write(sent, () => setImmediate(() => response.destroy()));
}
