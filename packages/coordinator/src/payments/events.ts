import type { InboxEvent } from "./inbox/inbox.js";
import type { OutboxEvent } from "./outbox/outbox.js";

/** What an operator should see of money coming in and going out. Ids and numbers only. */
export type PaymentEvent =
  | InboxEvent
  | OutboxEvent
  /** Somebody sent an event that Stripe has not signed, or an old one. */
  | { readonly type: "signature_refused"; readonly endpoint: "account" | "connect" }
  | { readonly type: "deposit_credited"; readonly depositId: string; readonly amount_microUsd: bigint }
  /** Stripe does not accept our key: nothing can be paid in or out until an operator has set another. */
  | { readonly type: "key_refused" }
  /** What was paid is not what was asked for: nothing was credited, and a person must look. */
  | { readonly type: "deposit_review"; readonly depositId: string; readonly reason: string }
  | { readonly type: "deposit_check_failed"; readonly depositId: string; readonly error: string }
  /** Stripe had told of something, and its webhook never came here: if this goes on, it does not reach us. */
  | { readonly type: "event_missed"; readonly eventId: string; readonly eventType: string }
  | { readonly type: "referral_apply_failed"; readonly depositId: string; readonly error: string }
  /** Money was taken back; what the account had not is bad debt. */
  | { readonly type: "taken_back"; readonly reference: string; readonly taken_microUsd: bigint; readonly debt_microUsd: bigint }
  | { readonly type: "withdrawal_moved"; readonly withdrawalId: string; readonly status: string }
  /** A bank has returned what it had taken, or money went a way that nobody here has sent it: a person should look. */
  | { readonly type: "withdrawal_alert"; readonly withdrawalId: string; readonly reason: string };

export type OnPaymentEvent = (event: PaymentEvent) => void;
