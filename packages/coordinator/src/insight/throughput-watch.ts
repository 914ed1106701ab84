import { type AnomalyLimits, type BuildMemory, type MeasuredMachine, throughputAnomalies } from "@umbel/routing";
import type { Logger } from "pino";
import type { Metrics } from "./metrics.js";

interface ThroughputWatchParts {
  /** What the catalogue offers; builds of unknown memory are passed over. */
  builds(): readonly { readonly id: string; readonly memory: Pick<BuildMemory, "resident_bytes" | "active_bytes"> | null }[];
  viewsOf(build: string): Iterable<MeasuredMachine>;
  readonly limits: AnomalyLimits;
  readonly metrics: Pick<Metrics, "count">;
  readonly log: Pick<Logger, "warn">;
}

/** One look over the fleet for kinds of machines that write far slower than their memory allows: each is counted and warned of. */
export function watchThroughput({ builds, viewsOf, limits, metrics, log }: ThroughputWatchParts): void {
  for (const { id, memory } of builds()) {
    if (memory === null) continue;
    for (const { computeClass, ...figures } of throughputAnomalies(id, memory, viewsOf(id), limits)) {
      metrics.count("throughput_anomalies_total", { model: id, compute_class: computeClass });
      log.warn(
        { event: "throughput_anomaly", build: id, compute_class: computeClass, ...figures },
        "machines of this class write far slower than their memory allows: look at their engine's device, threads and driver",
      );
    }
  }
}
