import path from "node:path";
import type { Clock } from "@umbel/protocol";
import type { Settings } from "../config/index.js";
import type { Logger, Metrics } from "../insight/index.js";
import { createLedger, createReconciler, createUsageDays, type Ledger, type Reconciler } from "../ledger/index.js";
import { createRetention } from "../retention/index.js";
import type { Store } from "../store/index.js";
import { createLoops } from "./loops.js";
import { reportBooks, reportLedger } from "./reports.js";

/** How often holds of coordinators that are gone are looked for. Source: money.md §10. */
const RECOVERY_INTERVAL_ms = 30_000;
/** How often the books are checked, days added up, and rows removed that are old enough. */
const SWEEP_INTERVAL_ms = 10 * 60_000;
/** How often the minutes that are over are added up, and fees become the platform's. */
const MINUTE_ms = 60_000;
/** How long a shutdown waits for settlements that do not commit before they are spilled. */
const CLOSE_ms = 5_000;

interface BookParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly instanceId: string;
  readonly settings: Settings;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** A machine has said that it wrote more than it was seen to. */
  readonly onMisreported: (machineId: string) => void;
}

interface Books {
  readonly ledger: Ledger;
  readonly reconciler: Reconciler;
  /** What earlier runs had left. */
  readonly recovered: Awaited<ReturnType<Ledger["recover"]>>;
  close(): Promise<void>;
}

/** The ledger with what keeps it true and small by itself, once what earlier runs have left is settled or given back. */
export async function startBooks(parts: BookParts): Promise<Books> {
  const { store, clock, instanceId, settings, log, metrics, onMisreported } = parts;
  const report = reportLedger(log, metrics);
  const ledger = await createLedger({
    store,
    clock,
    instanceId,
    spill: path.join(settings.home, "settlement-spill.jsonl"),
    settings: {
      platformFeePercent: settings.platformFee_percent,
      referralSharePercent: settings.referralShare_percent,
      referralWindow_days: settings.referralWindow_days,
      unclaimed_days: settings.unclaimed_days,
      spillAlways: settings.spillAlways,
    },
    onEvent: (event) => {
      report(event);
      if (event.type === "usage_clamped") onMisreported(event.machineId);
    },
  });
  metrics.gauge("billing_spill_depth", ledger.spilled);
  const recovered = await ledger.recover().catch(async (error: unknown) => {
    await ledger.close(CLOSE_ms);
    throw error;
  });
  const reconciler = createReconciler({ store: store.reports, clock, random: Math.random, onEvent: report });
  reportBooks(metrics, reconciler);
  const usageDays = createUsageDays({ store: store.reports, clock });
  const retention = createRetention({
    ...{ store: store.reports, clock, instanceId },
    settings: { reservations_days: settings.reservationRetention_days, usage_days: settings.usageRetention_days },
  });
  const removeOld = async (): Promise<void> => {
    const removed = await retention.run();
    if (removed !== undefined) log.info({ event: "retention", ...removed }, "old rows about requests were removed");
  };
  const loops = createLoops(clock, log);
  loops.every(RECOVERY_INTERVAL_ms, () => ledger.recover(), "recovery of holds failed");
  loops.every(SWEEP_INTERVAL_ms, () => reconciler.check(), "the books were not checked");
  loops.every(SWEEP_INTERVAL_ms, () => usageDays.addUp(), "usage was not added up by the day");
  loops.every(MINUTE_ms, () => usageDays.addUpMinutes(), "usage was not added up by the minute");
  loops.every(MINUTE_ms, () => ledger.gatherFees(), "fees of settlements were not gathered");
  loops.every(SWEEP_INTERVAL_ms, () => ledger.lapse(), "earnings that nobody claims did not lapse");
  loops.every(SWEEP_INTERVAL_ms, removeOld, "old rows about requests were not removed");
  return {
    ledger,
    reconciler,
    recovered,
    async close() {
      await loops.stop();
      await ledger.close(CLOSE_ms);
    },
  };
}
