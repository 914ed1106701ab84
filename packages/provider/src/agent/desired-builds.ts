import type { Clock, DesiredModels } from "@umbel/protocol";

/** Before a build that could not be fetched is tried again; after the last, only when the coordinator asks anew (catalog.md §10.2). */
const retries_ms = [30_000, 60_000, 120_000, 300_000, 600_000] as const;

export interface DesiredPorts {
  readonly clock: Clock;
  isOffered(build: string): boolean;
  /** Fetches a build, or offers it again if it is here. */
  want(build: string): void;
  /** Ends the fetching of a build. */
  unwant(build: string): void;
  /** Tells the coordinator that these are offered. */
  confirm(builds: readonly string[]): void;
  /** Stops offering a build; what runs on it ends in peace. */
  withdraw(build: string): void;
}

interface Desired {
  readonly previous: string | undefined;
  failures: number;
  cancelRetry: () => void;
}

/** Brings what this machine offers to what the names of its builds stand for now. The latest word counts. */
export class DesiredBuilds {
  readonly #ports: DesiredPorts;
  #desired = new Map<string, Desired>();

  constructor(ports: DesiredPorts) {
    this.#ports = ports;
  }

  get builds(): readonly string[] {
    return [...this.#desired.keys()];
  }

  onDesired({ models }: DesiredModels): void {
    const next = new Map(models.map(({ desired_build, previous_build }) => [desired_build, newDesired(previous_build)]));
    for (const [build, { cancelRetry }] of this.#desired) {
      cancelRetry();
      if (!next.has(build)) this.#ports.unwant(build);
    }
    this.#desired = next;
    const here = [...next.keys()].filter((build) => this.#ports.isOffered(build));
    if (here.length > 0) this.#ports.confirm(here);
    for (const [build, { previous }] of next) {
      if (here.includes(build)) this.#displace(previous);
      else this.#ports.want(build);
    }
  }

  /** A build is verified and offered. */
  onOffered(build: string): void {
    const desired = this.#desired.get(build);
    if (desired === undefined) return;
    desired.failures = 0;
    this.#displace(desired.previous);
  }

  onFailed(build: string): void {
    const desired = this.#desired.get(build);
    if (desired === undefined) return;
    desired.cancelRetry();
    const wait_ms = retries_ms[desired.failures];
    desired.failures++;
    if (wait_ms !== undefined) desired.cancelRetry = this.#ports.clock.setTimer(wait_ms, () => this.#ports.want(build), "background");
  }

  stop(): void {
    for (const { cancelRetry } of this.#desired.values()) cancelRetry();
    this.#desired.clear();
  }

  /** A build that another name still stands for stays. */
  #displace(previous: string | undefined): void {
    if (previous !== undefined && !this.#desired.has(previous)) this.#ports.withdraw(previous);
  }
}

function newDesired(previous: string | undefined): Desired {
  return { previous, failures: 0, cancelRetry: () => undefined };
}
