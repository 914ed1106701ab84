import type { FastifyInstance } from "fastify";
import { outcomeOfStatus } from "../insight/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { toApiError } from "./errors.js";
import { createExchange, noteRefusal } from "./exchange.js";
import { rejectionOf } from "./rejection.js";
import type { Route } from "./route.js";

/**
 * One line and the metrics of each request, when its connection is done with it; so each is counted once, however it ended. Never bodies,
 * headers or queries.
 */
export function logAccess(app: FastifyInstance, { log, metrics, clock, rejections }: HttpDependencies, routes: readonly Route[]): void {
  const accessOf = new Map(routes.map((route) => [route.url, route.access]));

  app.addHook("onError", async (request, _reply, error) => noteRefusal(request.exchange, toApiError(error)));
  app.addHook("onRequest", async (request, reply) => {
    const exchange = createExchange(clock.now_ms());
    request.exchange = exchange;
    // Now, because a connection that has ended no longer knows whose it was.
    const remote = truncatedAddress(request.ip);
    reply.header("X-Request-ID", request.id);

    reply.raw.once("close", () => {
      const { method } = request;
      const path = request.routeOptions.url ?? "unmatched";
      const access = accessOf.get(path);
      const status = reply.raw.statusCode;
      const complete = reply.raw.writableFinished;
      const duration_ms = Math.round(clock.now_ms() - exchange.start_ms);
      metrics.count("http_requests_total", { method, path, status: String(status) });
      metrics.observe("http_request_duration_ms", { method, path }, duration_ms);
      if (access === "inference" && method === "POST") {
        const outcome = complete ? (exchange.outcome ?? outcomeOfStatus(status)) : "client_gone";
        metrics.count("request_outcome_total", { model: exchange.model ?? "other", class: outcome });
        const rejection = rejectionOf(request, clock.date());
        if (rejection !== undefined) rejections.record(rejection);
      }
      if (access === "probe") return;
      const { accountId, key = exchange.publisher } = exchange.principal ?? {};
      log.info(
        { request_id: request.id, method, path, status, duration_ms, complete, remote, account: accountId, key: key?.id },
        "request",
      );
    });
  });
}

/** The network an address is in, which is all that is logged of it (ops.md §4.2). */
export function truncatedAddress(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const mapped = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(address)?.[1];
  if (mapped !== undefined) return `${mapped}.0/24`;
  return `${address.split(":").slice(0, 3).join(":")}::/48`;
}
