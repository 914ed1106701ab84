import type { Clock } from "@umbel/protocol";
import { FULL_STANCE, refusesOwner, type Stance } from "../guest/index.js";
import type { LocalRequests } from "../local/index.js";
import type { Session } from "../session/session.js";
import type { ModelCommands } from "./model-commands.js";
import type { Relay } from "./relay.js";
import type { WorkerSupervisor } from "./worker-supervisor.js";

export interface ConductParts {
  readonly session: Pick<Session, "open" | "close" | "beat">;
  readonly relay: Pick<Relay, "rest" | "whenIdle" | "cancelAll">;
  /** Requests of this machine's own programs; absent where there is no endpoint for them. */
  readonly local?: Pick<LocalRequests, "rest" | "whenIdle" | "cancelAll"> | undefined;
  readonly commands: Pick<ModelCommands, "rest">;
  readonly worker: Pick<WorkerSupervisor, "send" | "ready">;
  readonly clock: Clock;
  /** Builds in memory now. */
  readonly residents: () => readonly string[];
}

/** Carries out how the provider is to behave towards its host: who is told, what is refused, cancelled, put away and taken up again. */
export class Conduct {
  #stance = FULL_STANCE;
  /** Builds that were put away for the host, to be loaded when it can spare the memory. */
  #putAway: readonly string[] = [];
  #isConnectionClosed = false;
  /** Which change of stance is being carried out; a later one takes over. */
  #change = 0;
  #cancelGrace: () => void = () => undefined;

  constructor(private readonly parts: ConductParts) {}

  get stance(): Stance {
    return this.#stance;
  }

  /** @returns once nothing of it is left to do: running answers have ended, models are put away */
  async adopt(stance: Stance): Promise<void> {
    const { relay, local, commands, session } = this.parts;
    this.#stance = stance;
    const change = ++this.#change;
    this.#cancelGrace();
    const rests = stance.reasons.length > 0;
    relay.rest(rests);
    local?.rest(refusesOwner(stance));
    commands.rest(rests, { fetches: stance.fetches });
    if (!rests) {
      this.#takeUp();
      return;
    }
    session.beat();
    await this.#finishWithin(stance.grace_ms);
    if (change !== this.#change) return;
    if (!stance.keepsModels) this.#putModelsAway();
    if (stance.keepsConnection) this.#connect();
    else await this.#disconnect();
  }

  /** A worker has come: it has loaded its models, as at every start, and holds to the stance from now on. */
  async onReady(): Promise<void> {
    if (this.#stance.keepsConnection) this.parts.session.open();
    else this.#isConnectionClosed = true;
    if (this.#stance.reasons.length > 0) await this.adopt(this.#stance);
  }

  #takeUp(): void {
    if (!this.#connect()) this.parts.session.beat();
    for (const model_id of this.#putAway) this.parts.worker.send({ type: "load_model", model_id });
    this.#putAway = [];
  }

  /** @returns whether there was no connection */
  #connect(): boolean {
    if (!this.#isConnectionClosed) return false;
    this.#isConnectionClosed = false;
    this.parts.session.open();
    return true;
  }

  async #disconnect(): Promise<void> {
    if (this.#isConnectionClosed) return;
    this.#isConnectionClosed = true;
    // 1001, going away (RFC 6455).
    await this.parts.session.close(1001);
  }

  #putModelsAway(): void {
    const residents = this.parts.residents();
    this.#putAway = [...new Set([...this.#putAway, ...residents])];
    for (const model_id of residents) this.parts.worker.send({ type: "unload_model", model_id });
  }

  /** Lets what runs go on for a while, then cancels it. Models that nobody uses need not wait for those that somebody does. */
  async #finishWithin(grace_ms: number): Promise<void> {
    const { relay, clock } = this.parts;
    const local = refusesOwner(this.#stance) ? this.parts.local : undefined;
    if (!this.#stance.keepsModels) this.#putModelsAway();
    this.#cancelGrace = clock.setTimer(grace_ms, () => {
      relay.cancelAll();
      local?.cancelAll();
    });
    await Promise.all([relay.whenIdle(), local?.whenIdle()]);
    this.#cancelGrace();
  }
}
