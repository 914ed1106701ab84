import type { Clock } from "@umbel/protocol";
import { depositRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import { depositOf } from "../deposits/apply-checkout.js";
import type { Inbox, IncomingEvent } from "../inbox/inbox.js";
import type { StripeApi } from "./stripe-api.js";
import { dispute } from "./stripe-objects.js";
import { type EventPayload, type SignedBody, verifiedEvent } from "./stripe-webhook.js";

export interface ReceiverDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly inbox: Pick<Inbox, "receive">;
  readonly stripe: StripeApi | undefined;
}

/**
 * Takes in what came to a webhook.
 *
 * @throws SignatureError; anything else is a failure that Stripe should send again for
 */
export type EventReceiver = (body: SignedBody) => Promise<void>;

export function createEventReceiver({ database, clock, inbox, stripe }: ReceiverDependencies): EventReceiver {
  /** A dispute names its payment, not its deposit; one that is not known here yet says itself whose it is. */
  async function withDeposit(event: IncomingEvent): Promise<IncomingEvent | undefined> {
    if (!event.type.startsWith("charge.dispute.")) return event;
    const payload = event.payload as EventPayload;
    const { payment_intent: paymentIntentId } = dispute.parse(payload.object);
    if (paymentIntentId === null || stripe === undefined) return undefined;
    const depositId =
      (await database.read((tx) => depositRepository.idOfPayment(tx, paymentIntentId))) ??
      depositOf(await stripe.paymentMetadata(paymentIntentId));
    return depositId === undefined ? undefined : { ...event, payload: { ...payload, depositId } };
  }

  return async (body) => {
    const event = await verifiedEvent(body, clock);
    const complete = event === undefined ? undefined : await withDeposit(event);
    if (complete !== undefined) await inbox.receive(complete);
  };
}
