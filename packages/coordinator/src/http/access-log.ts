import type { FastifyInstance } from "fastify";
import type { HttpDependencies } from "./dependencies.js";
import type { Route } from "./route.js";

/** One line and two metrics for each request, when its connection is done with it. Never bodies, headers or queries. */
export function logAccess(app: FastifyInstance, { log, metrics, clock }: HttpDependencies, isProbe: (url: string) => boolean): void {
  app.addHook("onRequest", async (request, reply) => {
    request.exchange = { start_ms: clock.now_ms(), principal: undefined };
    // Now, because a connection that has ended no longer knows whose it was.
    const remote = truncatedAddress(request.raw.socket.remoteAddress ?? "unknown");
    reply.header("X-Request-ID", request.id);
    reply.raw.once("close", () => {
      const pattern = request.routeOptions.url ?? "unmatched";
      const duration_ms = Math.round(clock.now_ms() - request.exchange.start_ms);
      const status = reply.raw.statusCode;
      metrics.count("http_requests_total", { method: request.method, path: pattern, status: String(status) });
      metrics.observe("http_request_duration_ms", { method: request.method, path: pattern }, duration_ms);
      if (isProbe(pattern)) return;
      const { principal } = request.exchange;
      log.info(
        {
          request_id: request.id,
          method: request.method,
          path: pattern,
          status,
          duration_ms,
          complete: reply.raw.writableFinished,
          remote,
          account: principal?.accountId,
          key: principal?.key?.id,
        },
        "request",
      );
    });
  });
}

/** The network an address is in, which is all that is logged of it (ops.md §4.2). */
export function truncatedAddress(address: string): string {
  const mapped = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(address)?.[1];
  if (mapped !== undefined) return `${mapped}.0/24`;
  return `${address.split(":").slice(0, 3).join(":")}::/48`;
}

export function probePaths(routes: readonly Route[]): (url: string) => boolean {
  const urls = new Set(routes.filter((route) => route.access === "probe").map((route) => route.url));
  return (url) => urls.has(url);
}
