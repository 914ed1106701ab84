import { randomBytes } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import type { Referrals } from "../accounts/index.js";
import type { Settings } from "../config/index.js";
import type { Logger, Metrics } from "../insight/index.js";
import { createPayments, type Payments } from "../payments/index.js";
import type { Store } from "../store/index.js";
import { createLoops } from "./loops.js";
import { reportBacklog, reportPayments } from "./reports.js";
import { paymentSettings } from "./settings/payment-settings.js";

/** How long work that another coordinator began, or that is due again, may wait. */
const WORK_INTERVAL_ms = 1_000;
/** Source: money.md §11. */
const RECONCILE_INTERVAL_ms = 3_600_000;
const BACKLOG_INTERVAL_ms = 15_000;
const SWEEP_INTERVAL_ms = 3_600_000;

interface PaymentParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly settings: Settings;
  readonly referrals: Pick<Referrals, "isKnown" | "applyIn">;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Payments with what they do by themselves. Nothing runs where no money comes in or goes out. */
export function startPayments(parts: PaymentParts): { readonly payments: Payments; readonly close: () => Promise<void> } {
  const { store, clock, instanceId, settings, referrals, log, metrics } = parts;
  const payments = createPayments({
    ...{ store, clock, instanceId, settings: paymentSettings(settings), randomBytes, random: Math.random },
    referrals: { isKnown: referrals.isKnown, apply: referrals.applyIn },
    onEvent: reportPayments(log, metrics),
  });
  if (!payments.isOpen) return { payments, close: () => payments.close() };
  if (settings.billingMock) log.warn({ event: "billing_mock" }, "deposits are credited without any payment");

  let backlog: Awaited<ReturnType<Payments["backlog"]>> | undefined;
  reportBacklog(metrics, clock, () => backlog);

  const loops = createLoops(clock, log);
  loops.every(WORK_INTERVAL_ms, payments.work, "payments were not worked on");
  loops.every(RECONCILE_INTERVAL_ms, payments.reconcile, "deposits were not compared with Stripe");
  loops.every(SWEEP_INTERVAL_ms, payments.sweep, "old rows of payments were not removed");
  const count = async (): Promise<void> => {
    backlog = await payments.backlog();
  };
  loops.every(BACKLOG_INTERVAL_ms, count, "what waits of payments was not counted");
  return {
    payments,
    async close() {
      await loops.stop();
      await payments.close();
    },
  };
}
