import type { Clock } from "@umbel/protocol";
import type { Logger } from "pino";
import type { Settings } from "../../config/index.js";
import type { Metrics } from "../metrics.js";
import { createSink } from "../sink.js";
import { readEvent, type TelemetryRecord, type TelemetrySender } from "./read-event.js";

/** Rows written by one statement. */
const BATCH_MAX = 100;
/** How long a closing waits for what is still to be written. */
const CLOSE_ms = 5_000;
const DAY_ms = 24 * 3_600_000;

export interface TelemetryFilter {
  readonly since: Date;
  readonly until?: Date;
  readonly kind?: string;
  readonly severity?: string;
  readonly source?: string;
  readonly message?: string;
  readonly machine?: string;
  readonly version?: string;
  readonly fingerprint?: string;
}

/** An event as it was kept; what was not told is null. */
export interface StoredTelemetry extends Omit<TelemetryRecord, "message" | "source" | Nullable> {
  /** Grows from one to the next. */
  readonly id: number;
  readonly message: string;
  readonly source: string;
  readonly version: string | null;
  readonly sessionId: string | null;
  readonly machine: string | null;
  readonly accountId: string | null;
  readonly stack: string | null;
}
type Nullable = "version" | "sessionId" | "machine" | "accountId" | "stack";

/** Events that are the same but for when and where. */
export interface TelemetryGroup {
  readonly fingerprint: string;
  readonly message: string;
  readonly kind: string;
  readonly severity: string;
  readonly events: number;
  readonly machines: number;
  /** Some of those that have it. */
  readonly versions: readonly string[];
  readonly firstAt: Date;
  readonly lastAt: Date;
}

export interface TelemetryStore {
  insert(rows: readonly TelemetryRecord[]): Promise<void>;
  browse(filter: TelemetryFilter, page: { readonly before?: number; readonly limit: number }): Promise<readonly StoredTelemetry[]>;
  groups(filter: TelemetryFilter, limit: number): Promise<readonly TelemetryGroup[]>;
  removeOlderThan(at: Date): Promise<void>;
}

/** What machines and consoles tell of themselves. Counted, and kept for a while; it never holds anybody up. Source: ops.md §2. */
export interface Telemetry {
  take(events: readonly unknown[], sender: TelemetrySender): { readonly accepted: number; readonly rejected: number };
  /** Latest first; waits for what is still being written, as the others do. */
  browse(filter: TelemetryFilter, page: { readonly before?: number; readonly limit: number }): Promise<readonly StoredTelemetry[]>;
  /** Those that came most often first. */
  groups(filter: TelemetryFilter, limit: number): Promise<readonly TelemetryGroup[]>;
  /** Removes what is older than it is kept. */
  sweep(): Promise<void>;
  /** Writes what waits, as far as that works in a few seconds. */
  close(): Promise<void>;
}

export interface TelemetryDependencies {
  readonly store: TelemetryStore;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "count" | "gauge">;
  readonly log: Pick<Logger, "warn" | "error">;
  readonly settings: Pick<Settings, "telemetryRetention_days">;
  readonly newId: () => string;
}

export function createTelemetry({ store, clock, metrics, log, settings, newId }: TelemetryDependencies): Telemetry {
  const { telemetryRetention_days: kept_days } = settings;
  const sink = createSink<TelemetryRecord>({
    batch_max: BATCH_MAX,
    write: (batch) => store.insert(batch),
    onFailed(error, events) {
      metrics.count("telemetry_dropped_total", { reason: "failed" }, events);
      log.error({ err: error, events }, "what machines told was not written");
    },
    onDropped(dropped) {
      metrics.count("telemetry_dropped_total", { reason: "full" });
      if (/^10*$/.test(String(dropped))) log.warn({ dropped }, "what machines tell is dropped: the database does not keep up");
    },
  });
  metrics.gauge("telemetry_waiting", () => sink.depth);

  return {
    take(events, sender) {
      let accepted = 0;
      for (const given of events) {
        const event = readEvent(given, sender, clock.date(), newId);
        if (event === undefined) continue;
        accepted += 1;
        metrics.count("telemetry_events_total", { source: event.source, message: event.message, severity: event.severity });
        if (kept_days > 0) sink.submit(event);
      }
      return { accepted, rejected: events.length - accepted };
    },
    async browse(filter, page) {
      await sink.flushed();
      return store.browse(filter, page);
    },
    async groups(filter, limit) {
      await sink.flushed();
      return store.groups(filter, limit);
    },
    sweep: () => store.removeOlderThan(new Date(clock.date().getTime() - kept_days * DAY_ms)),
    close() {
      return new Promise((resolve) => {
        const cancel = clock.setTimer(CLOSE_ms, resolve);
        void sink.flushed().then(resolve).finally(cancel);
      });
    },
  };
}
