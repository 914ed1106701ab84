import { SEALED_CONTENT_TYPE } from "@umbel/protocol";
import { z } from "zod";
import { DEADLINE_HEADER, DEADLINE_LIMITS } from "../patience.js";
import type { Route } from "../route.js";
import { type RouteDoc, type RouteParameter, TAGS } from "./route-doc.js";

/** A route with what is said of it. */
type DocumentedRoute = Route & { readonly doc: RouteDoc };

type Json = Readonly<Record<string, unknown>>;

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "The request is not valid; `param` names what is at fault.",
  401: "No valid credential.",
  402: "The key's spend limit or the balance is too low.",
  403: "The credential may not do this.",
  404: "There is no such thing.",
  408: "The body did not arrive in time.",
  409: "Another request stands in the way.",
  413: "The body is too large.",
  415: "The body is of a form that is not read.",
  422: "The `Idempotency-Key` was used with another request.",
  429: "Too many requests or tokens, or no capacity; see `Retry-After`.",
  500: "Our mistake.",
  502: "The machines that were tried failed; of payments: the payment processor refused or did not answer.",
  503: "Not available right now; see `Retry-After`.",
  504: "No content arrived in time.",
};

/** What each kind of route can answer beside its own. */
const ERRORS: Readonly<Record<Route["access"], readonly number[]>> = {
  inference: [400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504],
  account: [401, 403, 429, 500, 503],
  holder: [401, 403, 429, 500, 503],
  session: [401, 403, 429, 500, 503],
  confirmed: [401, 403, 429, 500, 503],
  owner: [401, 403, 500, 503],
  machine: [401, 403, 429, 500, 503],
  admin: [401, 403, 429, 500, 503],
  publishing: [401, 403, 429, 500, 503],
  release: [401, 403, 429, 500, 503],
  sign_in: [403, 429, 500, 503],
  public: [429, 500],
  webhook: [],
  probe: [],
};

const INFERENCE_HEADERS: readonly RouteParameter[] = [
  { name: "Idempotency-Key", in: "header", description: "A retry with the same key and body gets the first answer, and is billed once." },
  { name: "X-Request-ID", in: "header", description: "Your id of the request, echoed in the answer and in our log." },
  {
    name: "X-Umbel-Route",
    in: "header",
    description: "`self` asks only the account's own machines, free of charge; `prefer` asks them first.",
  },
  {
    name: DEADLINE_HEADER,
    in: "header",
    description:
      "Milliseconds after which you have no use for an answer that has not begun, waiting in line included: then 504 `timeout`. " +
      `${DEADLINE_LIMITS.deadline_ms_min} to ${DEADLINE_LIMITS.deadline_ms_max}. Absent, \`X-Stainless-Timeout\` counts, which the official clients send, in seconds.`,
  },
];

/** OpenAI's envelope, for routes that name no other. */
const plainError = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    code: z.string(),
    param: z.string().nullable(),
    request_id: z.string().optional(),
  }),
});

/**
 * The OpenAPI 3.1 document of the routes that are documented, from the schemas that they read and write by.
 *
 * @param version of this coordinator
 * @returns a JSON value; source of its form: OpenAPI Specification 3.1.1
 */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const documented = routes.filter((route): route is DocumentedRoute => route.doc !== undefined);
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of documented) {
    const path = documentPath(route.url);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Umbel",
      version,
      description: "Private inference on machines of many owners, spoken to as OpenAI or Anthropic. Every error is in the list of errors.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: "An API key: `sk-um-…`." },
        anthropicKey: { type: "apiKey", in: "header", name: "x-api-key", description: "An API key, as Anthropic's clients send it." },
        providerToken: { type: "http", scheme: "bearer", description: "The token with which a machine registers: `umbel-pt-…`." },
        adminKey: { type: "http", scheme: "bearer", description: "The operator's key: `UMBEL_ADMIN_KEY`." },
        publishingKey: { type: "http", scheme: "bearer", description: "A key that may change the catalogue: `sk-um-pub-…`." },
        releaseKey: { type: "http", scheme: "bearer", description: "The key that registers releases: `UMBEL_RELEASE_KEY`." },
        session: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A signed-in person's session." },
      },
    },
  };
}

/** `/v1/keys/:id` and `/v1/models/*` as OpenAPI writes them. */
function documentPath(url: string): string {
  return url.replaceAll(/:([A-Za-z]+)/g, "{$1}").replace("*", "{id}");
}

function operation(route: DocumentedRoute): Json {
  const { doc } = route;
  const parameters = [...pathParameters(route.url), ...(doc.parameters ?? []), ...(route.access === "inference" ? INFERENCE_HEADERS : [])];
  return {
    operationId: operationId(route),
    tags: [doc.tag],
    summary: doc.summary,
    ...(doc.description === undefined ? {} : { description: doc.description }),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameter) }),
    ...(doc.request === undefined
      ? {}
      : { requestBody: { required: route.access === "inference", content: { ...json(doc.request, "input"), ...sealed(route) } } }),
    responses: { [String(doc.status ?? 200)]: success(route), ...errors(route) },
    security: security(route),
  };
}

function operationId({ method, url }: Route): string {
  const words = url
    .replace("/v1/", "")
    .replaceAll("*", "id")
    .split(/[/:_.-]+/);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function pathParameters(url: string): readonly RouteParameter[] {
  return [...documentPath(url).matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: "Its id.",
  }));
}

function parameter({ required = false, ...rest }: RouteParameter): Json {
  return { ...rest, required, schema: { type: "string" } };
}

function success(route: DocumentedRoute): Json {
  const { doc } = route;
  const stream = doc.event === undefined ? {} : { "text/event-stream": { schema: schemaOf(doc.event, "output") } };
  return { description: "The answer.", content: { ...json(doc.answer, "output"), ...stream, ...sealed(route) } };
}

/** Every request and answer of inference may be under seal. */
function sealed({ access }: Route): Json {
  const schema = { type: "string", format: "binary", description: "The same, sealed to, or by, a key of `/v1/encryption-key`." };
  return access === "inference" ? { [SEALED_CONTENT_TYPE]: { schema } } : {};
}

function errors(route: DocumentedRoute): Json {
  const { doc, access } = route;
  const statuses = [...new Set([...ERRORS[access], ...(doc.errors ?? [])])].sort((a, b) => a - b);
  const content = json(doc.error ?? plainError, "output");
  return Object.fromEntries(statuses.map((status) => [String(status), { description: STATUS_NAMES[status] ?? "An error.", content }]));
}

function security({ access, apiKeyHeader }: Route): readonly Json[] {
  switch (access) {
    case "inference":
      return [{ apiKey: [] }, ...(apiKeyHeader === true ? [{ anthropicKey: [] }] : [])];
    case "account":
      return [{ apiKey: [] }, { session: [] }];
    case "holder":
      return [{ apiKey: [] }, { session: [] }, { providerToken: [] }];
    case "session":
    case "confirmed":
      return [{ session: [] }];
    case "owner":
      return [{ session: [] }, { providerToken: [] }];
    case "machine":
      return [{ providerToken: [] }];
    case "publishing":
      return [{ publishingKey: [] }, { adminKey: [] }, { session: [] }];
    case "release":
      return [{ releaseKey: [] }, { publishingKey: [] }, { adminKey: [] }, { session: [] }];
    case "admin":
      return [{ adminKey: [] }, { session: [] }];
    case "sign_in":
    case "public":
    case "webhook":
    case "probe":
      return [];
  }
}

function json(schema: z.ZodType, io: "input" | "output"): Json {
  return { "application/json": { schema: schemaOf(schema, io) } };
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): unknown {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" });
  return rest;
}
