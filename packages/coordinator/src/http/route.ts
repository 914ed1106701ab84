import type { Dialect } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PublishingScope } from "../accounts/index.js";
import type { RouteDoc } from "./openapi/route-doc.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route as it was declared; absent where none matched. */
    readonly umbel?: Route;
    /** Whether it is there to say that another method is meant. */
    readonly refuses?: true;
  }
}

/** One endpoint. What its `access` implies (gates, authentication, limits) is attached by the server. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  /**
   * `inference`: behind the drain gate and the request limit of the account. `account`: a key of an account, or somebody who has signed in. `holder`: the same, or a
   * machine's own token: whoever may see the account's balance and earnings. `session`: somebody who has signed in, no key. `confirmed`: somebody who has signed in
   * within the last minutes (`CONFIRMED_ms`). Writes of all these are held to the limit of changes. `owner`: somebody who has signed in, or a machine's own token. `machine`: a machine's own token. `admin`: the operator's key, or somebody signed in to an operator's account. `publishing`: a publishing key with the route's `scope`, or what `admin` takes. `release`: the release key, or what `publishing` takes. `sign_in`: as `public`, and from this coordinator's own pages, where a browser sends it. `public`: limited per address. `webhook`: not limited; whoever calls proves himself in the body. `probe`: not limited, not logged.
   */
  readonly access:
    | "inference"
    | "account"
    | "holder"
    | "session"
    | "confirmed"
    | "owner"
    | "machine"
    | "admin"
    | "publishing"
    | "release"
    | "sign_in"
    | "public"
    | "webhook"
    | "probe";
  /** Of a `publishing` or `release` route: what a publishing key must be for; absent takes any. */
  readonly scope?: PublishingScope;
  /** What the API document says of it; absent is left out there. */
  readonly doc?: RouteDoc;
  /** The body of an error on this route; OpenAI's shape unless it says otherwise. */
  readonly renderError?: Dialect<unknown>["renderError"];
  /** Whether a key may also come as `x-api-key`, the way Anthropic's clients send it. */
  readonly apiKeyHeader?: boolean;
  handle(request: FastifyRequest, reply: FastifyReply): Promise<unknown>;
}
