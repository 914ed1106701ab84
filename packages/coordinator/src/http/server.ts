import cors from "@fastify/cors";
import { openaiChat } from "@umbel/dialects";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, type HTTPMethods } from "fastify";
import { logAccess } from "./access-log.js";
import { accountRoutes } from "./account-routes.js";
import { adminRoutes } from "./admin/admin-routes.js";
import { administrationRoutes } from "./administration/index.js";
import { bookRoutes } from "./books/index.js";
import { serveConsole } from "./console.js";
import { corsFor } from "./cors.js";
import { dataRightsRoutes } from "./data-rights/data-rights-routes.js";
import { decisionRoutes } from "./decisions/decision-routes.js";
import type { HttpDependencies } from "./dependencies.js";
import { deviceRoutes } from "./devices/device-routes.js";
import { createDrain } from "./drain.js";
import { endpointNotFound, errorHeaders, methodNotAllowed, toApiError } from "./errors.js";
import { createGates } from "./gates.js";
import { healthRoutes } from "./health-routes.js";
import { inferenceRoutes } from "./inference-routes.js";
import { installRoutes } from "./install/install-routes.js";
import { keyRoutes } from "./keys/key-routes.js";
import { machineRoutes } from "./machines/machine-routes.js";
import { answerMalformedRequest } from "./malformed-request.js";
import { catalogAdminRoutes } from "./models/admin/index.js";
import { modelRoutes } from "./models/model-routes.js";
import { openApiRoutes } from "./openapi/openapi-routes.js";
import { paymentRoutes } from "./payments/index.js";
import { programmeRoutes } from "./programmes/index.js";
import { publishingKeyRoutes } from "./publishing/index.js";
import { rejectionRoutes } from "./rejections/rejection-routes.js";
import { releaseRoutes } from "./releases/release-routes.js";
import { requestIdOf } from "./request-id.js";
import { rewardRoutes } from "./rewards/reward-routes.js";
import type { Route } from "./route.js";
import { encryptionKeyRoute } from "./sealed/index.js";
import { adminSignInRoutes, authRoutes, peopleRoutes, sessionRoutes } from "./sign-in/index.js";
import { stateExportRoutes } from "./state-export/state-export-route.js";
import { statementRoutes } from "./statements/statement-routes.js";
import { statisticsRoutes } from "./statistics/statistics-routes.js";
import { logReportRoutes, telemetryRoutes } from "./telemetry/index.js";

const HEADERS_bytes_max = 64 * 1024;
const PATH_PARAMETER_max = 512;
/** How often Node looks for connections that are too slow. */
const SLOW_CONNECTION_CHECK_ms = 1_000;
/** Node's own limit on a whole request stands behind ours, which answers properly. */
const REQUEST_TIMEOUT_SLACK_ms = 30_000;

const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** A route that the server answers, as it was added to it. */
export interface ServedRoute {
  readonly method: string;
  readonly url: string;
  /** `page`: a file of the console. */
  readonly access: Route["access"] | "page";
  /** Parameters of its address that name something somebody may own. */
  readonly ids: readonly string[];
}

export interface HttpServer {
  /** All that it answers, once it listens. */
  readonly routes: readonly ServedRoute[];
  /** @returns the address that it listens on. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /** From now on inference is refused with 429, and readiness is 503. */
  beginDrain(): void;
  /** Takes no new connections, waits for open requests, and cuts what is left after `limit_ms`. */
  close(limit_ms: number): Promise<void>;
}

/** Creates the server with all its routes. Every failure is answered in the error shape of its route, which is OpenAI's unless the route says otherwise. */
export function createHttpServer(dependencies: HttpDependencies): HttpServer {
  const { settings, clock } = dependencies;
  const drain = createDrain((isOn) => dependencies.inference.lastCall(isOn));
  const isDraining = (): boolean => drain.isOn;
  const described = [
    ...inferenceRoutes(dependencies),
    ...modelRoutes(dependencies, isDraining),
    ...keyRoutes(dependencies),
    ...accountRoutes(dependencies),
    ...bookRoutes(dependencies),
    encryptionKeyRoute(dependencies),
    ...adminRoutes(dependencies, drain),
    ...administrationRoutes(dependencies),
    ...programmeRoutes(dependencies),
    ...paymentRoutes(dependencies),
    ...statementRoutes(dependencies),
    ...dataRightsRoutes(dependencies),
    ...stateExportRoutes(dependencies),
    ...rewardRoutes(dependencies),
    ...catalogAdminRoutes(dependencies),
    ...publishingKeyRoutes(dependencies),
    ...releaseRoutes(dependencies),
    ...installRoutes(dependencies),
    ...decisionRoutes(dependencies),
    ...rejectionRoutes(dependencies),
    ...telemetryRoutes(dependencies),
    ...logReportRoutes(dependencies),
    ...machineRoutes(dependencies),
    ...deviceRoutes(dependencies),
    ...statisticsRoutes(dependencies),
    ...adminSignInRoutes(dependencies),
    ...authRoutes(dependencies),
    ...sessionRoutes(dependencies),
    ...peopleRoutes(dependencies),
    ...healthRoutes(dependencies, isDraining),
  ];
  const routes = [...described, ...openApiRoutes(described, dependencies.version)];
  const app = createApp(dependencies);
  const served: ServedRoute[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.refuses === true) return;
    const ids = idsOf(url, config?.umbel);
    for (const one of [method].flat()) if (one !== "HEAD") served.push({ method: one, url, access: config?.umbel?.access ?? "page", ids });
  });
  logAccess(app, dependencies, routes);
  app.register(cors, { delegator: (request, callback) => callback(null, corsFor(effective(request), settings.corsOrigins)) });
  // Routes are added behind the plugin, so that it sees their requests.
  app.register(async (scope) => addRoutes(scope, routes, createGates(dependencies, isDraining)));
  serveConsole(app, dependencies.consoleDirectory, dependencies.people);
  const detachProviders = dependencies.attachProviders(app.server);

  return {
    routes: served,
    async listen() {
      const url = await app.listen({ host: settings.host, port: settings.port });
      return { url, port: Number(new URL(url).port) };
    },
    beginDrain() {
      drain.stop();
    },
    async close(limit_ms) {
      detachProviders();
      const cancel = clock.setTimer(limit_ms, () => app.server.closeAllConnections());
      await app.close().finally(cancel);
    },
  };
}

function idsOf(url: string, route: Route | undefined): readonly string[] {
  const inPath = [...url.matchAll(/:(\w+)|\*/g)].map(([whole, name]) => name ?? whole);
  const inQuery = (route?.doc?.parameters ?? []).filter(({ in: place, name }) => place === "query" && /(?:^|_)id$/.test(name));
  return [...inPath, ...inQuery.map(({ name }) => name)];
}

function createApp(dependencies: HttpDependencies): FastifyInstance {
  const { settings, randomBytes } = dependencies;
  const app = fastify({
    requestIdHeader: false,
    trustProxy: settings.trustedProxies.length === 0 ? false : [...settings.trustedProxies],
    genReqId: (request) => requestIdOf(request.headers["x-request-id"], randomBytes),
    keepAliveTimeout: settings.keepAliveTimeout_ms,
    requestTimeout: settings.headerTimeout_ms + settings.bodyTimeout_ms + REQUEST_TIMEOUT_SLACK_ms,
    http: {
      maxHeaderSize: HEADERS_bytes_max,
      headersTimeout: settings.headerTimeout_ms,
      connectionsCheckingInterval: SLOW_CONNECTION_CHECK_ms,
    },
    // A path that was put together carelessly means what it would without.
    routerOptions: { maxParamLength: PATH_PARAMETER_max, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => answerError(error, request, reply, dependencies),
    clientErrorHandler: (error, socket) => answerMalformedRequest(error, socket, requestIdOf(undefined, randomBytes)),
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, dependencies));
  app.setNotFoundHandler(async (request) => {
    throw endpointNotFound(request.method, pathOf(request));
  });
  // Handlers read bodies themselves, after the gates and with limits of their own.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _body, done) => done(null));
  return app;
}

function addRoutes(app: FastifyInstance, routes: readonly Route[], gates: ReturnType<typeof createGates>): void {
  const byUrl = new Map<string, Route[]>();
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.url,
      config: { umbel: route },
      onRequest: [...gates[route.access]],
      handler: route.handle,
    });
    byUrl.set(route.url, [...(byUrl.get(route.url) ?? []), route]);
  }
  for (const [url, siblings] of byUrl) refuseOtherMethods(app, url, siblings);
}

function refuseOtherMethods(app: FastifyInstance, url: string, siblings: readonly Route[]): void {
  const methods = siblings.map(({ method }) => method);
  const allowed: HTTPMethods[] = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  const [umbel] = siblings;
  app.route({
    method: METHODS.filter((method) => !allowed.includes(method)),
    url,
    config: umbel === undefined ? { refuses: true } : { umbel, refuses: true },
    handler: async (request, reply) => {
      reply.header("Allow", [...allowed, "OPTIONS"].join(", "));
      throw methodNotAllowed(request.method, pathOf(request), methods);
    },
  });
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, { log, metrics }: HttpDependencies): void {
  const refusal = toApiError(error);
  if (refusal.tier !== undefined) metrics.count("ratelimit_rejections_total", { tier: refusal.tier });
  if (refusal.code === "internal_error") log.error({ err: error, request_id: request.id }, "request failed");
  const render = request.routeOptions?.config?.umbel?.renderError ?? openaiChat.renderError;
  // Here too, because a path that cannot be read comes by no hook.
  reply.header("X-Request-ID", request.id);
  void reply.status(refusal.status).headers(errorHeaders(refusal)).send(render(refusal, request.id));
}

/** The method that a preflight asks about is the one that counts. */
function effective(request: FastifyRequest): { readonly path: string; readonly method: string } {
  const asked = request.headers["access-control-request-method"];
  const method = request.method === "OPTIONS" ? (typeof asked === "string" ? asked : "GET") : request.method;
  return { path: pathOf(request), method };
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? "/";
}
