import type { Clock } from "@umbel/protocol";
import { depositRepository, stripeEventRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import { depositOf } from "../deposits/apply-checkout.js";
import type { OnPaymentEvent } from "../events.js";
import type { Inbox, IncomingEvent } from "../inbox/inbox.js";
import { PAYMENT_LIMITS } from "../limits.js";
import type { StripeApi } from "./stripe-api.js";
import { dispute } from "./stripe-objects.js";
import { type EventPayload, OWN_EVENTS, reducedEvent, type SignedBody, verifiedEvent } from "./stripe-webhook.js";

export interface ReceiverDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly inbox: Pick<Inbox, "receive" | "note">;
  readonly stripe: StripeApi | undefined;
  readonly onEvent: OnPaymentEvent;
}

/** How what has happened at Stripe comes here. */
export interface EventReceiver {
  /** Takes in what came to a webhook. @throws SignatureError; anything else is a failure that Stripe should send again for */
  receive(body: SignedBody): Promise<void>;
  /**
   * Asks Stripe what has happened since the last time, and takes down what never came to the webhook. (Of connected accounts nothing is asked:
   * payouts are looked at one by one.) What it throws leaves the time as it was, so that the next call asks again.
   */
  catchUp(): Promise<void>;
}

export function createEventReceiver({ database, clock, inbox, stripe, onEvent }: ReceiverDependencies): EventReceiver {
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

  async function notice(event: IncomingEvent): Promise<void> {
    const complete = await withDeposit(event);
    if (complete === undefined || !(await database.read(() => inbox.note(complete)))) return;
    onEvent({ type: "event_missed", eventId: event.eventId, eventType: event.type });
  }

  return {
    async receive(body) {
      const event = await verifiedEvent(body, clock);
      const complete = event === undefined ? undefined : await withDeposit(event);
      if (complete !== undefined) await inbox.receive(complete);
    },

    async catchUp() {
      if (stripe === undefined) return;
      const now_ms = clock.date().getTime();
      const until = new Date(now_ms - PAYMENT_LIMITS.eventLost_ms);
      const since = (await database.read((tx) => stripeEventRepository.heardUntil(tx))) ?? new Date(now_ms - PAYMENT_LIMITS.eventsKept_ms);
      if (since >= until) return;
      const range = { types: OWN_EVENTS, since, until };
      for (let after: string | undefined, hasMore = true; hasMore; ) {
        const page = await stripe.events(range, after);
        for (const event of page.events) {
          const reduced = reducedEvent("account", event);
          if (reduced !== undefined) await notice(reduced);
        }
        after = page.events.at(-1)?.id;
        hasMore = page.hasMore && after !== undefined;
      }
      await database.transaction((tx) => stripeEventRepository.hearFrom(tx, until));
    },
  };
}
