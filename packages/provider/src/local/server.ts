import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import cors from "@fastify/cors";
import { ApiError, openaiChat } from "@umbel/dialects";
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { hostGate, keyGate, originGate } from "./gates.js";
import { LOCAL_LIMITS } from "./limits.js";
import { toApiError } from "./local-error.js";
import { readBody } from "./read-body.js";
import { addRoutes, type RouteDependencies } from "./routes.js";

export interface LocalServerDependencies extends RouteDependencies {
  readonly version: string;
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  /** Absent: whoever reaches the endpoint may ask. */
  readonly key?: string;
  /** Origins of web pages that may ask. */
  readonly origins: readonly string[];
  /** Names by which the endpoint may be called, besides the machine's own. */
  readonly hostNames: readonly string[];
}

export interface LocalServer {
  /** @returns the port that it listens on. */
  listen(): Promise<number>;
  /** Takes no new connections, and ends those that are open. */
  close(): Promise<void>;
}

/** The endpoint of this machine's own programs. Every failure is answered in the error shape of its route. */
export function createLocalServer(dependencies: LocalServerDependencies): LocalServer {
  const { host, port, origins, hostNames, key } = dependencies;
  const app = createApp(dependencies);
  const isKnownHost = hostGate(hostNames);
  const isAllowedOrigin = originGate(origins);
  const holdsKey = key === undefined ? () => undefined : keyGate(key);
  app.addHook("onRequest", async ({ id, headers }, reply) => {
    reply.header("X-Request-ID", id);
    isKnownHost(headers);
    isAllowedOrigin(headers);
  });
  app.register(cors, {
    origin: [...origins],
    methods: ["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
    exposedHeaders: ["X-Request-ID", "Retry-After", "Retry-After-Ms"],
    strictPreflight: false,
  });
  app.register(async (scope) => {
    for (const path of ["/", "/health", "/v1/health"]) {
      scope.get(path, async () => ({ status: "ok", server: "umbel", version: dependencies.version }));
    }
  });
  app.register(async (scope) => {
    scope.addHook("onRequest", async ({ headers }) => holdsKey(headers));
    addRoutes(scope, dependencies);
  });
  return {
    async listen() {
      await app.listen({ host, port });
      const address = app.server.address();
      return typeof address === "object" && address !== null ? address.port : port;
    },
    close: () => app.close(),
  };
}

function createApp({ logger }: LocalServerDependencies): FastifyInstance {
  const app = fastify({
    requestIdHeader: false,
    genReqId: () => randomBytes(8).toString("hex"),
    requestTimeout: LOCAL_LIMITS.requestArrives_ms,
    forceCloseConnections: true,
    http: { maxHeaderSize: LOCAL_LIMITS.headers_bytes_max, headersTimeout: LOCAL_LIMITS.headersArrive_ms },
    frameworkErrors: answerError,
    return503OnClosing: false,
  });
  app.server.maxConnections = LOCAL_LIMITS.connections_max;
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(async ({ method, url }) => {
    const [path = "/"] = url.split("?", 1);
    throw new ApiError({ status: 404, code: "invalid_request_error", message: `endpoint ${method} ${path} is not implemented` });
  });
  app.removeAllContentTypeParsers();
  const limits = { bytes_max: LOCAL_LIMITS.body_bytes_max, discarded_bytes_max: LOCAL_LIMITS.bodyDiscarded_bytes_max };
  app.addContentTypeParser("*", (request: FastifyRequest, payload: IncomingMessage) => readBody(request.headers, payload, limits));

  function answerError(error: FastifyError | unknown, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = toApiError(error);
    if (refusal.code === "internal_error") {
      logger.error({ cause: error instanceof Error ? error.name : typeof error, request: request.id }, "a local request failed");
    }
    const render = request.routeOptions?.config?.renderError ?? openaiChat.renderError;
    const { retryAfter_s, retryAfter_ms } = refusal;
    const retry = retryAfter_s === undefined ? {} : { "Retry-After": retryAfter_s, "Retry-After-Ms": retryAfter_ms };
    void reply
      .status(refusal.status)
      .headers({ ...refusal.headers, ...retry })
      .send(render(refusal, request.id));
  }
  return app;
}
