import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createLogger, createMetrics } from "../insight/index.js";
import type { LedgerEvent } from "../ledger/index.js";
import { reportBacklog, reportBooks, reportFleet, reportLedger, reportPayments } from "./reports.js";

const SILENT = createLogger({ level: "silent" });

/** The lines of metrics that have counted something. */
function linesOf(metrics: ReturnType<typeof createMetrics>, ...names: readonly string[]): readonly string[] {
  return metrics
    .render()
    .split("\n")
    .filter((line) => names.some((name) => line.startsWith(`umbel_${name}{`) || line.startsWith(`umbel_${name} `)));
}

describe("what is reported of money", () => {
  it("counts each event of the ledger, and sums up fees, earnings and what was given back of holds", () => {
    const metrics = createMetrics();
    const report = reportLedger(SILENT, metrics);
    const events: readonly LedgerEvent[] = [
      { type: "booked", cost_microUsd: 1_000n, fee_microUsd: 100n, returned_microUsd: 500n },
      { type: "booked", cost_microUsd: 100n, fee_microUsd: 0n, returned_microUsd: 0n },
      { type: "settled", requestId: "r", cost_microUsd: 100n, wait_ms: 7 },
      { type: "usage_clamped", requestId: "r", machineId: "m" },
      { type: "retry", operation: "settle", requestId: "r", attempt: 1 },
      { type: "dead_letter", requestId: "r", reason: "unknown" },
      { type: "orphans_released", count: 3 },
    ];
    events.forEach(report);
    expect(linesOf(metrics, "ledger_events_total")).toEqual([
      'umbel_ledger_events_total{type="booked"} 2',
      ...["settled", "usage_clamped", "retry", "dead_letter", "orphans_released"].map(
        (type) => `umbel_ledger_events_total{type="${type}"} 1`,
      ),
    ]);
    const sums = ["billing_platform_fees_micro_usd_total", "billing_provider_credits_micro_usd_total"] as const;
    const rest = [
      "billing_settlement_refund_micro_usd_total",
      "billing_orphans_released_total",
      "billing_settle_latency_ms_count",
    ] as const;
    expect(linesOf(metrics, ...sums, ...rest)).toEqual([
      "umbel_billing_settle_latency_ms_count 1",
      "umbel_billing_platform_fees_micro_usd_total 100",
      "umbel_billing_provider_credits_micro_usd_total 1000",
      "umbel_billing_settlement_refund_micro_usd_total 500",
      "umbel_billing_orphans_released_total 3",
    ]);
  });

  it("counts payment events, and answers of machines that had been given up", () => {
    const metrics = createMetrics();
    reportPayments(SILENT, metrics)({ type: "signature_refused", endpoint: "connect" });
    reportFleet(metrics)({ type: "frame_ignored", reason: "late_complete" });
    expect(linesOf(metrics, "payment_events_total", "billing_loser_complete_total")).toEqual([
      'umbel_payment_events_total{type="signature_refused"} 1',
      "umbel_billing_loser_complete_total 1",
    ]);
  });

  it("shows what waits of payments by kind and state, and for how long", () => {
    const metrics = createMetrics();
    const clock = createFakeClock();
    const ago = (time_s: number) => new Date(clock.date().getTime() - time_s * 1_000);
    const outbox = [
      { kind: "stripe.transfer", waiting: 5, running: 2, failing: 3, failingSince: ago(90), dead: 1, oldest: ago(60) },
      { kind: "stripe.payout", waiting: 1, running: 0, failing: 1, failingSince: ago(5), dead: 0, oldest: ago(-600) },
    ];
    let backlog: Parameters<typeof reportBacklog>[2] = () => undefined;
    reportBacklog(metrics, clock, () => backlog());
    const names = ["outbox_depth", "outbox_failing", "outbox_failing_s", "outbox_dead", "outbox_oldest_s", "stripe_inbox_unprocessed"];
    const empty = names.slice(1).map((name) => `umbel_${name} 0`);
    expect(linesOf(metrics, ...names)).toEqual(empty);
    backlog = () => ({ outbox, inbox: { unprocessed: 4, oldest: null } });
    expect(linesOf(metrics, ...names)).toEqual([
      'umbel_outbox_depth{kind="stripe.transfer",state="queued"} 3',
      'umbel_outbox_depth{kind="stripe.transfer",state="running"} 2',
      'umbel_outbox_depth{kind="stripe.transfer",state="dead"} 1',
      'umbel_outbox_depth{kind="stripe.payout",state="queued"} 1',
      'umbel_outbox_depth{kind="stripe.payout",state="running"} 0',
      'umbel_outbox_depth{kind="stripe.payout",state="dead"} 0',
      "umbel_outbox_failing 4",
      "umbel_outbox_failing_s 90",
      "umbel_outbox_dead 1",
      "umbel_outbox_oldest_s 60",
      "umbel_stripe_inbox_unprocessed 4",
    ]);
  });

  it("shows what the last reading of the books has found", () => {
    const metrics = createMetrics();
    const found = { property: "P1", subject: "transaction 7", difference: "1" } as const;
    const latest = () => ({
      ...{ at: new Date(0), took_ms: 1, violations: [found], holdsByAge: [2, 0, 0, 1], failing: [], house: [] },
      waiting: [{ name: "dead_letters", count: 2, oldest: null }],
    });
    reportBooks(metrics, { latest });
    const lines = linesOf(metrics, "ledger_invariant_violation", "billing_open_holds", "billing_waiting");
    expect(lines).toContain('umbel_ledger_invariant_violation{property="P1"} 1');
    expect(lines).toContain('umbel_ledger_invariant_violation{property="P2"} 0');
    expect(lines).toContain('umbel_billing_waiting{name="dead_letters"} 2');
    expect(lines.filter((line) => line.includes("open_holds"))).toHaveLength(4);
  });
});
