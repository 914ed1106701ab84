import type { Clock } from "@umbel/protocol";
import type { FleetEvent } from "../fleet/index.js";
import type { Logger, Metrics } from "../insight/index.js";
import { HOLD_AGES_S, INVARIANTS, type LedgerEvent, type Reconciler } from "../ledger/index.js";
import type { PaymentBacklog, PaymentEvent } from "../payments/index.js";
import type { SessionEvent } from "../store/index.js";

/** Turns what the rooms report into log lines and counters: the rooms know neither. */

/** @param onTakenOver another coordinator uses the database now; this one must stop */
export function reportStore(log: Logger, onTakenOver: () => void): (event: SessionEvent) => void {
  return ({ type }) => {
    if (type === "database_back") log.info({ event: type }, "the database is back");
    else log.error({ event: type }, type === "database_lost" ? "the database is lost" : "another coordinator uses the database; stopping");
    if (type === "coordinator_claim_lost") onTakenOver();
  };
}

export function reportLedger(log: Logger, metrics: Metrics): (event: LedgerEvent) => void {
  return (event) => {
    metrics.count("ledger_events_total", { type: event.type });
    if (event.type === "settled") metrics.observe("billing_settle_latency_ms", {}, event.wait_ms);
    if (event.type === "orphans_released") metrics.count("billing_orphans_released_total", {}, event.count);
    if (event.type === "booked") {
      metrics.count("billing_platform_fees_micro_usd_total", {}, Number(event.fee_microUsd));
      metrics.count("billing_provider_credits_micro_usd_total", {}, Number(event.cost_microUsd - event.fee_microUsd));
      metrics.count("billing_settlement_refund_micro_usd_total", {}, Number(event.returned_microUsd));
    }
    const { type, ...details } = event;
    const fields = { component: "ledger", event: type, ...details };
    switch (type) {
      case "booked":
        break;
      case "settled":
        log.debug(fields, "settled");
        break;
      case "orphans_released":
        log.info(fields, "holds of coordinators that are gone were released");
        break;
      case "usage_clamped":
      case "retry":
      case "spilled":
      case "heartbeat_failed":
        log.warn(fields, "the ledger needs attention");
        break;
      case "spill_failed":
      case "dead_letter":
      case "release_failed":
      case "invariant_violated":
        log.error(fields, "money is not where it should be");
        break;
    }
  };
}

export function reportPayments(log: Logger, metrics: Metrics): (event: PaymentEvent) => void {
  return (event) => {
    metrics.count("payment_events_total", { type: event.type });
    const { type, ...details } = event;
    const fields = { component: "payments", event: type, ...details };
    switch (type) {
      case "deposit_credited":
      case "withdrawal_moved":
        log.info(fields, "money has moved");
        break;
      case "job_postponed":
      case "event_failed":
      case "deposit_check_failed":
      case "event_missed":
      case "referral_apply_failed":
      case "signature_refused":
        log.warn(fields, "a payment needs attention if this goes on");
        break;
      case "taken_back":
      case "job_dead":
      case "deposit_review":
      case "withdrawal_alert":
        log.error(fields, "a person should look at this payment");
        break;
      case "key_refused":
        log.error(fields, "Stripe does not accept the key: nothing is paid in or out until UMBEL_STRIPE_SECRET_KEY is a good one");
        break;
    }
  };
}

/** What waits of payments, as it was last counted; nothing before the first time. */
export function reportBacklog(metrics: Metrics, clock: Pick<Clock, "date">, backlog: () => PaymentBacklog | undefined): void {
  const rows = () => backlog()?.outbox ?? [];
  const sum = (part: "failing" | "dead") => rows().reduce((total, row) => total + row[part], 0);
  metrics.gauges("outbox_depth", () =>
    rows().flatMap(({ kind, waiting, running, dead }) => [
      { labels: { kind, state: "queued" }, value: waiting - running },
      { labels: { kind, state: "running" }, value: running },
      { labels: { kind, state: "dead" }, value: dead },
    ]),
  );
  metrics.gauge("outbox_failing", () => sum("failing"));
  metrics.gauge("outbox_dead", () => sum("dead"));
  const longest_s = (part: "oldest" | "failingSince"): number => {
    const times = rows().flatMap((row) => row[part]?.getTime() ?? []);
    return Math.max(0, Math.floor((clock.date().getTime() - Math.min(...times, clock.date().getTime())) / 1_000));
  };
  metrics.gauge("outbox_oldest_s", () => longest_s("oldest"));
  metrics.gauge("outbox_failing_s", () => longest_s("failingSince"));
  metrics.gauge("stripe_inbox_unprocessed", () => backlog()?.inbox.unprocessed ?? 0);
}

/** What the last reading of the books has found; nothing before the first. */
export function reportBooks(metrics: Metrics, reconciler: Pick<Reconciler, "latest">): void {
  metrics.gauges("ledger_invariant_violation", () => {
    const found = reconciler.latest()?.violations;
    return INVARIANTS.map((property) => ({ labels: { property }, value: found?.filter((one) => one.property === property).length ?? 0 }));
  });
  metrics.gauges("billing_open_holds", () =>
    (reconciler.latest()?.holdsByAge ?? []).map((value, index) => ({ labels: { up_to_s: String(HOLD_AGES_S[index] ?? "older") }, value })),
  );
  metrics.gauges("billing_waiting", () =>
    (reconciler.latest()?.waiting ?? []).map(({ name, count }) => ({ labels: { name }, value: count })),
  );
}

export function reportFleet(metrics: Metrics): (event: FleetEvent) => void {
  return (event) => {
    metrics.count("fleet_events_total", { type: event.type, detail: detailOf(event) });
    if (event.type === "frame_ignored" && event.reason === "late_complete") metrics.count("billing_loser_complete_total", {});
  };
}

/** The closed word of an event that tells its kinds apart; never an id. */
function detailOf(event: FleetEvent): string {
  switch (event.type) {
    case "upgrade_refused":
    case "disconnected":
    case "frame_ignored":
      return event.reason;
    case "registration_refused":
      return event.code;
    case "challenge":
      return event.outcome;
    case "breaker":
    case "suspect_release":
      return event.state;
    case "error_cooldown":
      return event.shape;
    case "control_dropped":
      return event.messageType;
    case "load_planned":
      return event.isObserveOnly ? `${event.command}_observed` : event.command;
    case "load_ended":
      return event.outcome;
    case "prefetch":
      return event.status;
    case "models_updated":
      return event.rejected > 0 ? "rejected" : "accepted";
    default:
      return "";
  }
}
