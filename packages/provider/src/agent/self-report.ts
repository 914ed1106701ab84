import type { Hardware, Heartbeat, Location, Posture, Register, SystemMetrics } from "@umbel/protocol";
import { type PostureSources, readPosture } from "../evidence/posture.js";
import type { Figures } from "../local/figures.js";
import { readMetrics } from "../machine/metrics.js";
import { withCards } from "../machine/with-cards.js";
import type { Conduct } from "./conduct.js";
import type { Relay } from "./relay.js";
import { heartbeatMessage, registerMessage } from "./reports.js";
import type { Standing } from "./standing.js";
import { providerVersion } from "./version.js";
import type { WorkerSupervisor } from "./worker-supervisor.js";

export interface SelfReportParts {
  readonly standing: Pick<Standing, "totals" | "workerState">;
  readonly supervisor: Pick<WorkerSupervisor, "ready" | "restarts" | "sign" | "pid">;
  readonly relay: Pick<Relay, "inFlight" | "ordinals">;
  readonly conduct: Pick<Conduct, "stance">;
  /** Requests of this machine's own programs; absent where there is no endpoint for them. */
  readonly local: { readonly inFlight: number } | undefined;
  /** As the machine's watch has found it last. */
  readonly thermal: () => SystemMetrics["thermal_state"];
  /** As it is registered; what the system says of itself is looked at each time. */
  readonly hardware: Hardware;
  /** Where that is looked for. */
  readonly sources: PostureSources;
  readonly authToken: string | undefined;
  /** Of the release that this is; undefined for what is none. */
  readonly runtimeHash: string | undefined;
  readonly privateOnly: boolean;
  readonly location: Location | undefined;
  readonly residentModels_max: number | undefined;
}

/** What the machine says of itself: at registration, in heartbeats, and to whoever watches it. */
export class SelfReport {
  constructor(private readonly parts: SelfReportParts) {}

  /** Requests under way, of the coordinator and of this machine's own programs. */
  get inFlight(): number {
    const { relay, local } = this.parts;
    return relay.inFlight + (local?.inFlight ?? 0);
  }

  /** What the system says of itself now, and of the provider's processes. */
  posture(): Promise<Posture> {
    const { supervisor, sources } = this.parts;
    return readPosture([process.pid, ...(supervisor.pid === undefined ? [] : [supervisor.pid])], sources);
  }

  async register(): Promise<Register> {
    const { supervisor, hardware, authToken, runtimeHash, privateOnly, location } = this.parts;
    const { ready } = supervisor;
    const attestation = await supervisor.sign({
      type: "sign_registration",
      claims: { version: providerVersion, runtime_hash: runtimeHash },
    });
    if (ready === undefined || attestation === undefined) throw new Error("there is no worker to register");
    const facts = { ...withCards(hardware, ready.gpus), posture: await this.posture() };
    return registerMessage({ ready, attestation, runtimeHash, hardware: facts, authToken, privateOnly, location });
  }

  async heartbeat(): Promise<Heartbeat> {
    const { standing, supervisor, relay, conduct, hardware, residentModels_max } = this.parts;
    return heartbeatMessage({
      isServing: this.inFlight > 0,
      totals: standing.totals,
      workerRestarts: supervisor.restarts,
      metrics: { ...(await readMetrics()), thermal_state: this.parts.thermal() },
      state: standing.workerState,
      ordinals: relay.ordinals,
      memory_gb: hardware.memory_gb,
      residentModels_max,
      stance: conduct.stance,
    });
  }

  figures(): Omit<Figures, "inFlight"> {
    const { standing, supervisor, conduct } = this.parts;
    return {
      ...standing.totals,
      slots: standing.workerState?.slots ?? [],
      workerRestarts: supervisor.restarts,
      rests: conduct.stance.reasons.length > 0,
    };
  }
}
