import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { truncatedAddress } from "../access-log.js";
import { asked } from "../asked.js";
import { authenticate } from "../bearer.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { refuseStaleSession } from "../just-signed-in.js";
import type { Route } from "../route.js";
import { AUTH_ENDPOINTS, type AuthEndpoint } from "./auth-endpoints.js";
import { originOf } from "./own-origins.js";
import { replacedSession } from "./replaced-session.js";
import { sessionCookieOf } from "./session-cookie.js";
import { signInAttempts } from "./sign-in-attempts.js";

const BASE = "/api/auth";
/** Of the library's answer, what goes to the caller. Its copies of the session token for scripts do not. */
const PASSED_HEADERS = ["content-type", "location"];
const FORWARDED_HEADERS = ["cookie", "origin", "user-agent", "accept-language"];
const fieldsOfBody = z.record(z.string(), z.unknown());

/** How people sign in: what the library behind it offers, as far as this coordinator does. Source: console.md §2.2. */
export function authRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { signIn, accounts, people, personSessions, mail, clock, settings } = dependencies;
  const attempts = signInAttempts(dependencies.attempts, settings);

  /** The address of whoever has just signed in, so far. @throws ApiError 401, 403 */
  async function addressSoFar({ headers: { cookie } }: FastifyRequest): Promise<string | null> {
    const principal = await authenticate({ cookie }, accounts);
    refuseStaleSession(principal, clock);
    return (await asked(people.standing(principal.accountId)))?.email ?? null;
  }

  async function answer(endpoint: AuthEndpoint, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const body =
      endpoint.method === "POST" ? onlyFields(await controlBody(request, fieldsOfBody, dependencies), endpoint.fields) : undefined;
    if (endpoint.attempt !== undefined) await attempts.take({ address: request.ip, identifier: identifierOf(endpoint, request, body) });
    const soFar = endpoint.changesAddress === undefined ? null : await addressSoFar(request);
    const origin = originOf(request, settings);
    const network = truncatedAddress(request.ip);
    const response = await asked(signIn.handle(libraryRequest(request, origin, body), { origin, network }));
    const replaced = replacedSession(request.headers.cookie, response.headers.getSetCookie());
    if (replaced !== undefined) await asked(personSessions.end(replaced));
    if (response.ok && soFar !== null) {
      const next = String(body?.["newEmail"]);
      if (endpoint.changesAddress === "asked") mail.addressChanging(soFar, next);
      else mail.addressChanged(soFar, next);
    }
    for (const cookie of response.headers.getSetCookie()) reply.header("Set-Cookie", cookie);
    for (const name of PASSED_HEADERS) {
      const value = response.headers.get(name);
      if (value !== null) reply.header(name, value);
    }
    reply.header("Cache-Control", "no-store").status(response.status);
    const text = await response.text();
    if (text === "" || !(response.headers.get("content-type") ?? "").includes("json")) return reply.send(text);
    const said: unknown = JSON.parse(text);
    // Of an address that has an account no other answer comes than of one that gets one now.
    if (endpoint.path === "/sign-up/email" && (response.ok || isLostRace(said))) return reply.status(200).send({ status: "mailed" });
    return reply.send(response.ok ? withoutToken(said) : inOurShape(said, response.status, request.id));
  }

  return AUTH_ENDPOINTS.map((endpoint) => ({
    method: endpoint.method,
    url: `${BASE}${endpoint.path}`,
    access: "sign_in",
    handle: (request, reply) => answer(endpoint, request, reply),
  }));
}

/** The library checks values itself; what it would take besides, we do not offer. */
function onlyFields(body: Record<string, unknown>, fields: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(fields.filter((field) => body[field] !== undefined).map((field) => [field, body[field]]));
}

function identifierOf({ attempt }: AuthEndpoint, request: FastifyRequest, body: Record<string, unknown> | undefined): string | undefined {
  if (attempt === "caller") return sessionCookieOf(request.headers.cookie);
  if (attempt !== "email" && attempt !== "new_email") return undefined;
  const field = attempt === "email" ? "email" : "newEmail";
  const email = body?.[field];
  if (typeof email === "string") return email;
  throw new ApiError({ status: 400, code: "bad_request", message: `invalid value for ${field}: an e-mail address`, param: field });
}

function libraryRequest(request: FastifyRequest, origin: string, body: Record<string, unknown> | undefined): Request {
  const headers = new Headers();
  for (const name of FORWARDED_HEADERS) {
    const value = request.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  if (body !== undefined) headers.set("content-type", "application/json");
  return new Request(new URL(request.url, origin), {
    method: request.method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
}

const tokenHolder = z.looseObject({ token: z.unknown().optional(), session: z.looseObject({ token: z.unknown().optional() }).nullish() });

/** The token is in the cookie, where no script reads it. */
function withoutToken(said: unknown): unknown {
  const holder = tokenHolder.safeParse(said);
  if (!holder.success) return said;
  const { token: _secret, session, ...rest } = holder.data;
  if (session == null) return session === undefined ? rest : { ...rest, session };
  const { token: _same, ...facts } = session;
  return { ...rest, session: facts };
}

const libraryError = z.looseObject({ code: z.string().optional(), message: z.string().optional() });

/** Two who sign up with one address at once: the later one gets a mail, or none, like anybody else. */
function isLostRace(said: unknown): boolean {
  return libraryError.safeParse(said).data?.code === "FAILED_TO_CREATE_USER";
}

/** Our envelope, beside the fields that the library's own clients read. */
function inOurShape(said: unknown, status: number, requestId: string): object {
  const { code = "bad_request", message = "this was refused" } = libraryError.safeParse(said).data ?? {};
  const ours = code.toLowerCase();
  const type = status === 401 ? "authentication_error" : status === 403 ? "forbidden" : "invalid_request_error";
  return { code, message, error: { message, type, code: ours, param: null, request_id: requestId } };
}
