import type { Clock } from "@umbel/protocol";
import type { ObservedRates, ProviderView, ReleaseWatch } from "@umbel/routing";
import type { Trust } from "../../trust/index.js";
import type { CapacitySignals } from "../capacity-signals.js";
import type { LateCancels } from "../late-cancels.js";
import type { FleetCatalog } from "../loads/fleet-catalog.js";
import type { WarmLoop } from "../loads/warm-loop.js";
import type { MachineHealth } from "../machine-health.js";
import type { MachineRecords } from "../machine-records.js";
import type { FleetEvents, FleetLog, KnownRuntimes } from "../ports.js";
import type { FleetSettings } from "../settings.js";

/** What has made a machine's view another: its own word, of which it may say as much as it likes, or what the coordinator did or found. */
export type ViewNews = "reported" | "decided";

/** What all sessions of a fleet share. */
export interface SessionContext {
  readonly clock: Clock;
  readonly trust: Trust;
  readonly settings: FleetSettings;
  readonly events: FleetEvents;
  readonly log: FleetLog;
  readonly health: MachineHealth;
  readonly releases: ReleaseWatch;
  /** A release fails on so many machines that others are preferred from now on. */
  readonly onSuspectRelease: (version: string) => void;
  readonly rates: ObservedRates;
  readonly signals: CapacitySignals;
  readonly lateCancels: LateCancels;
  readonly records: MachineRecords;
  readonly loads: Pick<WarmLoop, "record" | "loadStatus">;
  /** Absent where no program is known. */
  readonly runtimes: KnownRuntimes | undefined;
  /** Absent where there is none, and machines may offer what they like. */
  readonly catalog: FleetCatalog | undefined;
  readonly publicId: (machineId: string) => string;
  /** Takes a machine's new view over, before anything else happens. */
  readonly onView: (machine: { readonly id: string; readonly view: ProviderView }, news: ViewNews) => void;
}
