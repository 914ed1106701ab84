import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import type { CostProfile } from "@umbel/routing";
import type { CatalogService } from "../catalog/index.js";
import type { Settings } from "../config/index.js";
import type { Fleet } from "../fleet/index.js";
import {
  createDecisions,
  createLogReports,
  createRejections,
  createTelemetry,
  type Decisions,
  type Logger,
  type LogReports,
  type Metrics,
  type Rejections,
  type Telemetry,
  watchThroughput,
} from "../insight/index.js";
import type { Store } from "../store/index.js";
import { createLoops } from "./loops.js";
import { createDecisionStore } from "./stores/decision-store.js";
import { createRejectionStore } from "./stores/rejection-store.js";
import { createLogReportStore, createTelemetryStore } from "./stores/telemetry-store.js";

/** How often rows that are old enough are removed. */
const SWEEP_INTERVAL_ms = 10 * 60_000;
/** How often, and over how long, what answers took is held to what routing had expected. Source: routing.md §18. */
const CALIBRATION_INTERVAL_ms = 24 * 3_600_000;

interface InsightParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly costProfile: CostProfile;
  /** See `DecisionsDependencies`. */
  readonly decisionSecret: Uint8Array;
  readonly catalog: Pick<CatalogService, "builds">;
  readonly fleet: Pick<Fleet, "viewOf" | "viewsOf" | "publicId">;
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface Insight {
  readonly decisions: Decisions;
  readonly rejections: Rejections;
  readonly telemetry: Telemetry;
  readonly logReports: LogReports;
  close(): Promise<void>;
}

/** What is kept of decisions, refusals and machines, and what is made of it by itself. */
export function startInsight(parts: InsightParts): Insight {
  const { store, clock, settings, costProfile, decisionSecret, catalog, fleet, metrics } = parts;
  const log = parts.log.child({ component: "insight" });
  const decisions = createDecisions({
    ...{ store: createDecisionStore(store), clock, metrics, settings, costProfile },
    ...{ log: parts.log.child({ component: "decisions" }), secret: decisionSecret, random: Math.random },
    ...{ viewOf: fleet.viewOf, viewsOf: fleet.viewsOf, publicId: fleet.publicId },
  });
  const rejections = createRejections({ store: createRejectionStore(store), clock, metrics, settings, log });
  const telemetry = createTelemetry({ store: createTelemetryStore(store), clock, metrics, settings, newId: randomUUID, log });
  const logReports = createLogReports({ store: createLogReportStore(store), clock, settings, randomBytes });

  const loops = createLoops(clock, log);
  const sweep = () => Promise.all([rejections.sweep(), telemetry.sweep(), logReports.sweep()]);
  loops.every(SWEEP_INTERVAL_ms, sweep, "old rows of refusals and reports were not removed");
  loops.every(SWEEP_INTERVAL_ms, () => decisions.sweep(), "old records of decisions were not removed");
  const calibrate = async (): Promise<void> => {
    const since = new Date(clock.date().getTime() - CALIBRATION_INTERVAL_ms);
    const { proposals } = await decisions.calibration(since);
    log.info({ event: "calibration", proposals }, "coefficients of the cost, held to the last day's answers");
  };
  loops.every(CALIBRATION_INTERVAL_ms, calibrate, "calibration failed");
  const { anomalyInterval_ms: interval_ms, anomalyRatio: ratio, anomalySamples: samples_min, anomalyEfficiency: share } = settings;
  if (interval_ms > 0) {
    const watched = { builds: catalog.builds, viewsOf: fleet.viewsOf, metrics, log, limits: { ratio, samples_min, share } };
    loops.every(interval_ms, async () => watchThroughput(watched), "the rates of machines were not looked at");
  }
  return {
    decisions,
    rejections,
    telemetry,
    logReports,
    async close() {
      await loops.stop();
      await Promise.all([decisions.close(), rejections.close(), telemetry.close()]);
    },
  };
}
