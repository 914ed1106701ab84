import type { Clock } from "@umbel/protocol";
import { type Store, type StripeEventRow, stripeEventRepository, type Tx } from "../../store/index.js";
import { errorText } from "../outbox/error-text.js";
import { backoff_ms } from "../outbox/outbox.js";

export const INBOX_LIMITS = {
  /** Events that one look takes up again. */
  atOnce_max: 50,
  /** How long events that are processed are kept. */
  keptProcessed_ms: 400 * 24 * 3_600_000,
} as const;

/** A verified event, reduced to what is used of it. */
export interface IncomingEvent {
  readonly eventId: string;
  readonly endpoint: StripeEventRow["endpoint"];
  readonly type: string;
  readonly livemode: boolean;
  readonly payload: unknown;
}

/**
 * Does what an event asks for, in `tx`, together with the note that it is done. What it throws undoes both, and is tried again.
 */
export type EventHandler = (tx: Tx, event: IncomingEvent) => Promise<void>;

export type InboxEvent = {
  readonly type: "event_failed";
  readonly eventId: string;
  readonly eventType: string;
  readonly attempt: number;
  readonly error: string;
};

export interface Inbox {
  /** Takes an event down that nobody waits for; `runDue` processes it. False when it was taken down before. */
  note(event: IncomingEvent): Promise<boolean>;
  /**
   * Takes an event down and processes it; one that was processed before changes nothing.
   *
   * @throws what its handler throws; the event is kept and taken up again
   */
  receive(event: IncomingEvent): Promise<void>;
  /** Takes up again what failed, and what was taken down by somebody who died. @returns how many were processed */
  runDue(): Promise<number>;
  /** Removes what was processed long ago. */
  sweep(): Promise<void>;
}

export interface InboxOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly handle: EventHandler;
  readonly onEvent: (event: InboxEvent) => void;
}

/** How long whoever received an event has it for himself. */
const FIRST_ATTEMPT_ms = 60_000;

/** What the world outside tells, each event once whatever its deliveries. */
export function createInbox({ store, clock, handle, onEvent }: InboxOptions): Inbox {
  async function process(eventId: string): Promise<boolean> {
    let attempt = 1;
    let eventType = "";
    try {
      return await store.transaction(async (tx) => {
        const event = await stripeEventRepository.lockUnprocessed(tx, eventId);
        if (event === undefined) return false;
        attempt = event.attempts + 1;
        eventType = event.type;
        await handle(tx, event);
        await stripeEventRepository.processed(tx, eventId, clock.date());
        return true;
      });
    } catch (error) {
      const text = errorText(error);
      const nextAt = new Date(clock.date().getTime() + backoff_ms(attempt));
      await stripeEventRepository.failed(store.db, eventId, { error: text, nextAt });
      onEvent({ type: "event_failed", eventId, eventType, attempt, error: text });
      throw error;
    }
  }

  return {
    async note(event) {
      const receivedAt = clock.date();
      return stripeEventRepository.insert(store.db, { ...event, receivedAt, nextAt: receivedAt });
    },
    async receive(event) {
      const receivedAt = clock.date();
      const nextAt = new Date(receivedAt.getTime() + FIRST_ATTEMPT_ms);
      await stripeEventRepository.insert(store.db, { ...event, receivedAt, nextAt });
      await process(event.eventId);
    },
    async runDue() {
      let processed = 0;
      for (const eventId of await stripeEventRepository.due(store.db, clock.date(), INBOX_LIMITS.atOnce_max)) {
        // Whatever failed has been told, and is due again later.
        if (await process(eventId).catch(() => false)) processed += 1;
      }
      return processed;
    },
    async sweep() {
      await stripeEventRepository.removeProcessed(store.db, new Date(clock.date().getTime() - INBOX_LIMITS.keptProcessed_ms));
    },
  };
}
