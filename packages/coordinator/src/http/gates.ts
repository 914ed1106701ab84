import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { createBucketTable, drainingRefusal } from "../inference/index.js";
import { createKeyCheck, createOperatorCheck } from "./admin/operator-check.js";
import { asked } from "./asked.js";
import { authenticate } from "./bearer.js";
import type { HttpDependencies } from "./dependencies.js";
import { principalOf } from "./exchange.js";
import { refuseStaleSession } from "./just-signed-in.js";
import { admitPublisher, publishingKeyOf } from "./publishing/index.js";
import type { Route } from "./route.js";
import { refuseForeignPage } from "./sign-in/index.js";
import { createWrongCredentials } from "./wrong-credentials.js";

/** Something a request passes before its body is read. */
type Gate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** The gates in front of each kind of route, in order. Source: api.md §2. */
export function createGates(dependencies: HttpDependencies, isDraining: () => boolean): Readonly<Record<Route["access"], readonly Gate[]>> {
  const { accounts, publishingKeys, clock, settings, limits, inference } = dependencies;
  const addresses = createBucketTable(clock);
  const changes = createBucketTable(clock);
  const wrongCredentials = createWrongCredentials(clock, { isLimited: settings.publicRate_perSecond > 0 });
  const changeRate = { perSecond: settings.financialRate_perSecond, burst: settings.financialBurst };
  const addressRate = { perSecond: settings.publicRate_perSecond, burst: settings.publicBurst };

  // Counted before the flag is read, so that nothing is under way when the count is 0 behind a closed gate.
  const notDraining: Gate = async (request, reply) => {
    const visit = inference.arrive();
    reply.raw.once("close", visit.leave);
    if (isDraining()) throw drainingRefusal();
    request.exchange.visit = visit;
  };
  const authenticated: Gate = async (request) => {
    request.exchange.stage = "auth";
    const { authorization, cookie, "x-api-key": apiKey } = request.headers;
    const accepted = request.routeOptions.config.umbel?.apiKeyHeader === true && typeof apiKey === "string" ? { apiKey } : {};
    // Only a wrong answer counts, as with the operator's key.
    const credentials = { authorization, cookie, ...accepted };
    const wait_ms = wrongCredentials.wait_ms(request.ip, credentials);
    if (wait_ms !== undefined) throw tooMany("credentials", wait_ms);
    const principal = await authenticate(credentials, accounts).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) wrongCredentials.refused(request.ip);
      throw error;
    });
    wrongCredentials.proven(credentials);
    request.exchange.principal = principal;
    if (principal.session?.how === "cookie") refuseForeignPage(request, settings);
  };
  const ownPage: Gate = async (request) => {
    // Also without a cookie: nobody is to be signed in to somebody else's account by a page elsewhere.
    if (request.headers.cookie !== undefined || request.headers.origin !== undefined) refuseForeignPage(request, settings);
  };
  // What somebody asks on the console is held to a key's limits, too, and can be switched off.
  const onConsole: Gate = async (request) => {
    const principal = principalOf(request);
    if (principal.session?.how !== "cookie") return;
    const key = await asked(accounts.consoleKey(principal.accountId));
    if (key.disabled || (key.expiresAt !== null && key.expiresAt <= clock.date())) {
      throw new ApiError({ status: 403, code: "forbidden", message: "the account's key for the console is disabled, or has ended" });
    }
    request.exchange.principal = { ...principal, key };
  };
  const withinRequestLimit: Gate = async (request, reply) => {
    request.exchange.stage = "rate_limit";
    reply.headers(limits.takeRequest(principalOf(request)));
  };
  const signedIn: Gate = async (request) => {
    if (principalOf(request).method === "session") return;
    const message = "this endpoint requires an interactive session — API keys are not accepted";
    throw new ApiError({ status: 403, code: "forbidden", message });
  };
  const confirmed: Gate = async (request) => refuseStaleSession(principalOf(request), clock);
  // It lies on a machine that strangers' requests run on, so it must not be worth money.
  const noMachine: Gate = async (request) => {
    if (principalOf(request).method !== "provider_token") return;
    throw new ApiError({ status: 403, code: "forbidden", message: "provider tokens serve machines only — use an API key" });
  };
  const ownsMachines: Gate = async (request) => {
    if (principalOf(request).method !== "api_key") return;
    const message = "this endpoint takes a session or a provider token — API keys are not accepted";
    throw new ApiError({ status: 403, code: "forbidden", message });
  };
  const isMachine: Gate = async (request) => {
    if (principalOf(request).method === "provider_token") return;
    throw new ApiError({ status: 403, code: "forbidden", message: "this endpoint takes a machine's provider token" });
  };
  const withinChangeLimit: Gate = async (request) => {
    if (request.method === "GET" || request.method === "HEAD") return;
    const bucket = changes.of(principalOf(request).accountId, changeRate);
    if (bucket === undefined) return;
    if (!bucket.holds(1)) throw tooMany("changes", bucket.wait_ms(1));
    bucket.take(1);
  };
  const checkOperator = createOperatorCheck(dependencies);
  const operator: Gate = async (request) => {
    // Only a wrong answer counts, so that nobody can guess on and an operator's own tools are not held up.
    const bucket = addresses.of(request.ip, addressRate);
    if (bucket?.holds(1) === false) throw tooMany("address", bucket.wait_ms(1));
    try {
      const principal = await checkOperator(request.headers);
      request.exchange.principal = principal;
      if (principal.session?.how === "cookie") refuseForeignPage(request, settings);
    } catch (error) {
      bucket?.take(1);
      throw error;
    }
  };
  const publisher: Gate = async (request, reply) => {
    const secret = publishingKeyOf(request);
    if (secret === undefined) return operator(request, reply);
    const bucket = addresses.of(request.ip, addressRate);
    if (bucket?.holds(1) === false) throw tooMany("address", bucket.wait_ms(1));
    try {
      await admitPublisher(request, secret, { keys: publishingKeys, scope: request.routeOptions.config.umbel?.scope });
    } catch (error) {
      bucket?.take(1);
      throw error;
    }
  };
  const isReleaseKey = createKeyCheck(settings.releaseKey);
  const releaser: Gate = async (request, reply) => {
    if (!isReleaseKey(request.headers.authorization)) await publisher(request, reply);
  };
  const withinAddressLimit: Gate = async (request) => {
    const bucket = addresses.of(request.ip, addressRate);
    if (bucket === undefined) return;
    if (!bucket.holds(1)) throw tooMany("address", bucket.wait_ms(1));
    bucket.take(1);
  };

  return {
    inference: [notDraining, authenticated, noMachine, onConsole, withinRequestLimit],
    account: [authenticated, noMachine, withinChangeLimit],
    holder: [authenticated, withinChangeLimit],
    session: [authenticated, signedIn, withinChangeLimit],
    confirmed: [authenticated, signedIn, confirmed, withinChangeLimit],
    owner: [authenticated, ownsMachines],
    machine: [authenticated, isMachine],
    admin: [operator],
    publishing: [publisher],
    release: [releaser],
    sign_in: [withinAddressLimit, ownPage],
    public: [withinAddressLimit],
    webhook: [],
    probe: [],
  };
}

function tooMany(tier: "credentials" | "changes" | "address", retryAfter_ms: number): ApiError {
  return new ApiError({
    ...{ status: 429, code: "rate_limit_exceeded", tier },
    message: "too many requests — slow down and retry after the Retry-After interval",
    retryAfter_s: Math.max(1, Math.floor(retryAfter_ms / 1_000)),
    retryAfter_ms,
  });
}
