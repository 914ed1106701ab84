import type { Clock } from "@umbel/protocol";
import { z } from "zod";
import type { IncomingEvent } from "../inbox/inbox.js";
import { PAYMENT_LIMITS } from "../limits.js";
import { account, charge, checkoutSession, dispute, payout, transfer } from "./stripe-objects.js";

/** What is sent is not from Stripe, or not from now. */
export class SignatureError extends Error {
  override readonly name = "SignatureError";
}

/** The events that change something here, by the endpoint that they come to. Of any other nothing is kept. */
const OBJECTS = {
  account: {
    "checkout.session.completed": checkoutSession,
    "checkout.session.async_payment_succeeded": checkoutSession,
    "checkout.session.async_payment_failed": checkoutSession,
    "checkout.session.expired": checkoutSession,
    "charge.refunded": charge,
    "charge.dispute.created": dispute,
    "charge.dispute.updated": dispute,
    "charge.dispute.funds_withdrawn": dispute,
    "charge.dispute.closed": dispute,
    "transfer.reversed": transfer,
  },
  connect: {
    "account.updated": account,
    "payout.paid": payout,
    "payout.failed": payout,
    "payout.canceled": payout,
  },
} as const satisfies Record<IncomingEvent["endpoint"], Record<string, z.ZodType>>;

/** Those of them that are about our own account at Stripe. */
export const OWN_EVENTS = Object.keys(OBJECTS.account);

export const eventEnvelope = z.object({
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(255),
  created: z.int(),
  livemode: z.boolean(),
  account: z.string().optional(),
  data: z.object({ object: z.unknown() }),
});

/** What is kept of an event. */
export interface EventPayload {
  readonly created: string;
  /** The connected account that it is about. */
  readonly account: string | null;
  readonly object: unknown;
}

export interface SignedBody {
  readonly endpoint: IncomingEvent["endpoint"];
  readonly body: Uint8Array;
  /** The header `Stripe-Signature`. */
  readonly signature: string | undefined;
  /** Absent refuses everything. */
  readonly secret: string | undefined;
}

/**
 * The event in a signed body, reduced to what is used; undefined when it is of a kind that changes nothing here.
 *
 * @throws SignatureError
 */
export async function verifiedEvent({ endpoint, body, signature, secret }: SignedBody, clock: Clock): Promise<IncomingEvent | undefined> {
  if (secret === undefined || signature === undefined) throw new SignatureError("there is no signature, or nothing to check it with");
  const { Stripe } = await import("stripe");
  const now_ms = clock.date().getTime();
  let event: unknown;
  try {
    event = Stripe.webhooks.constructEvent(Buffer.from(body), signature, secret, PAYMENT_LIMITS.webhookTolerance_s, undefined, now_ms);
  } catch (cause) {
    throw new SignatureError("the signature does not fit", { cause });
  }
  refuseFuture(signature, now_ms);
  return reducedEvent(endpoint, eventEnvelope.parse(event));
}

/** What is used of an event; undefined when it is of a kind that changes nothing here. */
export function reducedEvent(endpoint: IncomingEvent["endpoint"], event: z.output<typeof eventEnvelope>): IncomingEvent | undefined {
  const { id, type, created, livemode, account: about, data } = event;
  const schema: z.ZodType | undefined = (OBJECTS[endpoint] as Readonly<Record<string, z.ZodType>>)[type];
  if (schema === undefined) return undefined;
  const payload: EventPayload = {
    created: new Date(created * 1_000).toISOString(),
    account: about ?? null,
    object: schema.parse(data.object),
  };
  return { eventId: id, endpoint, type, livemode, payload };
}

/** The SDK refuses what is old; what is ahead of time could be kept and sent again later. */
function refuseFuture(signature: string, now_ms: number): void {
  const signedAt_s = Number(/(?:^|,)t=(\d{1,15})(?:,|$)/.exec(signature)?.[1]);
  if (!(signedAt_s <= now_ms / 1_000 + PAYMENT_LIMITS.webhookTolerance_s)) throw new SignatureError("the signature is ahead of time");
}
