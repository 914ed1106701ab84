import type { Clock } from "@umbel/protocol";
import { Stripe } from "stripe";
import { parseForm } from "./form.js";
import { Refusal } from "./refusal.js";
import { answer, type FakeRequest } from "./routes.js";
import { createWorld, type FakeEvent, type World } from "./world.js";

const KEYS_KEPT_ms = 24 * 3_600_000;

/**
 * What goes wrong with one request.
 * - `lost_request`: it never arrives; `lost_reply`: it is done, and nobody hears of it
 * - `broken`: Stripe fails with a 500 before it has done anything, and says the same to a repetition
 * - `busy`: 429, and nothing is kept of it; `key_refused`: 401, as when a key was revoked
 */
export type Fault = "lost_request" | "lost_reply" | "broken" | "busy" | "key_refused";

/** A request as it comes over the wire. */
export interface WireRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly body: string;
  readonly header: (name: string) => string | undefined;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Who answers at Stripe, however requests get there. */
export interface StripeDesk {
  readonly secretKey: string;
  readonly secrets: Readonly<Record<FakeEvent["endpoint"], string>>;
  readonly world: World;
  /** What was asked, in order. */
  readonly requests: readonly AskedRequest[];
  /** Undefined when nobody hears of the answer. @param fault told what is asked, says what goes wrong */
  respond(request: WireRequest, fault?: (request: FakeRequest) => Fault | undefined): WireAnswer | undefined;
  /** An event as it comes to a webhook, signed now by the SDK's own code. */
  signed(
    event: FakeEvent,
    options?: { readonly at?: Date; readonly secret?: string },
  ): { readonly body: Uint8Array; readonly signature: string };
}

export interface AskedRequest extends FakeRequest {
  readonly idempotencyKey: string | undefined;
  readonly version: string | undefined;
}

interface Kept {
  readonly fingerprint: string;
  readonly status: number;
  readonly body: object;
  readonly at_ms: number;
}

/** Stripe's wire format: forms in, JSON out, idempotency keys that stand for their first answer, signed events. */
export function createDesk(clock: Pick<Clock, "date">): StripeDesk {
  const world = createWorld(clock);
  const secretKey = "sk_test_canarySecretKey";
  const secrets = { account: "whsec_canaryAccount", connect: "whsec_canaryConnect" };
  const kept = new Map<string, Kept>();
  const requests: AskedRequest[] = [];

  function done(
    request: FakeRequest,
    idempotencyKey: string | undefined,
    isBroken: boolean,
  ): { status: number; body: object; replayed: boolean } {
    const now_ms = clock.date().getTime();
    const name = `${request.account ?? ""} ${idempotencyKey}`;
    const fingerprint = JSON.stringify(request);
    const first = idempotencyKey === undefined || request.method === "GET" ? undefined : kept.get(name);
    if (first !== undefined && now_ms - first.at_ms < KEYS_KEPT_ms) {
      if (first.fingerprint === fingerprint) return { status: first.status, body: first.body, replayed: true };
      throw new Refusal(
        400,
        "idempotency_error",
        `Keys for idempotent requests can only be used with the same parameters they were first used with.`,
      );
    }
    let result: { status: number; body: object };
    try {
      if (isBroken) throw new Refusal(500, "api_error", "An unknown error occurred");
      result = { status: 200, body: answer(world, request) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      result = { status: error.status, body: error.body };
    }
    if (idempotencyKey !== undefined && request.method !== "GET") kept.set(name, { fingerprint, ...result, at_ms: now_ms });
    return { ...result, replayed: false };
  }

  return {
    ...{ secretKey, secrets, world, requests },

    respond({ method, url, body: text, header }, faultOf = () => undefined) {
      const { pathname, search } = new URL(url, "http://stripe.test");
      const form = parseForm(method === "GET" ? search.slice(1) : text);
      const request = { method, path: pathname, form, account: header("stripe-account") };
      const idempotencyKey = header("idempotency-key");
      requests.push({ ...request, idempotencyKey, version: header("stripe-version") });
      const fault = faultOf(request);
      if (fault === "lost_request") return undefined;
      const sent = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): WireAnswer => ({
        status,
        headers: { "content-type": "application/json", "request-id": world.newId("req"), ...headers },
        body: JSON.stringify(body),
      });
      try {
        if (fault === "key_refused" || header("authorization") !== `Bearer ${secretKey}`)
          throw new Refusal(401, "invalid_request_error", "Invalid API Key provided: sk_test_************tKey");
        if (fault === "busy") throw new Refusal(429, "invalid_request_error", "Too many requests", { code: "rate_limit" });
        const { status, body, replayed } = done(request, idempotencyKey, fault === "broken");
        return fault === "lost_reply" ? undefined : sent(status, body, replayed ? { "idempotent-replayed": "true" } : {});
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return sent(error.status, error.body);
      }
    },

    signed({ body, endpoint }, { at = clock.date(), secret = secrets[endpoint] } = {}) {
      const timestamp = Math.floor(at.getTime() / 1_000);
      const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
      return { body: Buffer.from(body), signature };
    },
  };
}
