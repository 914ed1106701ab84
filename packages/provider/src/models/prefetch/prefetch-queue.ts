import type { Clock } from "@umbel/protocol";
import type { DownloadProgress } from "../download/download-files.js";

/** How a fetch goes. `failed` carries what was thrown. */
export type PrefetchEvent =
  | { readonly status: "started" | "verified" }
  | { readonly status: "downloading"; readonly progress: DownloadProgress }
  | { readonly status: "failed"; readonly error: unknown };

export interface PrefetchOptions {
  readonly clock: Clock;
  /** Fetches a build, verified, and makes it one that the machine offers. */
  readonly fetch: (build: string, signal: AbortSignal, onProgress: (progress: DownloadProgress) => void) => Promise<void>;
  readonly onEvent: (build: string, event: PrefetchEvent) => void;
}

/** The first report of progress comes at once, then one for so much time or so large a share. */
const report_ms = 2000;
const report_share = 0.05;
/** Builds that wait. More than a catalogue asks of one machine. */
const waiting_max = 256;

/** A fetch that ended because nobody wants it any more, or because the provider stops. */
export class PrefetchEnd extends Error {
  override readonly name = "PrefetchEnd";
  constructor(readonly reason: "unwanted" | "stopped" | "too_many") {
    super(`not fetched: ${reason}`);
  }
}

/** Why a fetch stops that is to go on later. */
class Held extends Error {
  override readonly name = "Held";
}

interface Wanted {
  readonly build: string;
  priority: number;
  readonly arrival: number;
}

/** Fetches builds one at a time: by priority, then in the order in which they were asked for. Nobody waits twice. */
export class PrefetchQueue {
  readonly #options: PrefetchOptions;
  readonly #waiting = new Map<string, Wanted>();
  #running: { readonly build: string; readonly stop: AbortController; readonly done: Promise<void>; end?: PrefetchEnd } | undefined;
  #arrivals = 0;
  #isStopped = false;
  #isHeld = false;

  constructor(options: PrefetchOptions) {
    this.#options = options;
  }

  /** Whether the build is being fetched or waits for it. */
  has(build: string): boolean {
    return this.#running?.build === build || this.#waiting.has(build);
  }

  /** Whether something is being fetched now. */
  get isFetching(): boolean {
    return this.#running !== undefined;
  }

  /** Asks for a build; asking again joins, and moves it up where the priority is higher. */
  add(build: string, priority: number): void {
    if (this.#running?.build === build) return;
    const known = this.#waiting.get(build);
    if (this.#isStopped) this.#fail(build, new PrefetchEnd("stopped"));
    else if (known !== undefined) known.priority = Math.max(known.priority, priority);
    else if (this.#waiting.size >= waiting_max) this.#fail(build, new PrefetchEnd("too_many"));
    else this.#waiting.set(build, { build, priority, arrival: this.#arrivals++ });
    this.#next();
  }

  /** Takes a build back that nobody wants any more; what has come of it stays on the disk. */
  drop(build: string): void {
    if (this.#waiting.delete(build)) this.#fail(build, new PrefetchEnd("unwanted"));
    if (this.#running?.build === build) this.#end(new PrefetchEnd("unwanted"));
  }

  /** Fetches nothing for a while. What is being fetched stops where it is, and goes on from there, first of its priority. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) this.#running?.stop.abort(new Held());
    else this.#next();
  }

  /** Ends all of it. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const build of [...this.#waiting.keys()]) {
      this.#waiting.delete(build);
      this.#fail(build, new PrefetchEnd("stopped"));
    }
    this.#end(new PrefetchEnd("stopped"));
    await this.#running?.done;
  }

  /** Also of one that was just held and has not ended yet. */
  #end(end: PrefetchEnd): void {
    if (this.#running === undefined) return;
    this.#running.end = end;
    this.#running.stop.abort(end);
  }

  #next(): void {
    if (this.#running !== undefined || this.#isHeld) return;
    const [first] = [...this.#waiting.values()].sort((a, b) => b.priority - a.priority || a.arrival - b.arrival);
    if (first === undefined) return;
    this.#waiting.delete(first.build);
    const stop = new AbortController();
    this.#running = { build: first.build, stop, done: this.#run(first, stop.signal) };
  }

  async #run(wanted: Wanted, signal: AbortSignal): Promise<void> {
    const { build } = wanted;
    const { fetch: fetchBuild, onEvent, clock } = this.#options;
    onEvent(build, { status: "started" });
    let reportedAt_ms = Number.NEGATIVE_INFINITY;
    let reported_bytes = 0;
    try {
      await fetchBuild(build, signal, (progress) => {
        const isDue = clock.now_ms() - reportedAt_ms >= report_ms;
        if (!isDue && progress.done_bytes - reported_bytes < progress.total_bytes * report_share) return;
        reportedAt_ms = clock.now_ms();
        reported_bytes = progress.done_bytes;
        onEvent(build, { status: "downloading", progress });
      });
      onEvent(build, { status: "verified" });
    } catch (error) {
      const end = this.#running?.end;
      if (signal.reason instanceof Held && end === undefined) this.#waiting.set(build, wanted);
      else this.#fail(build, end ?? error);
    } finally {
      this.#running = undefined;
      this.#next();
    }
  }

  #fail(build: string, error: unknown): void {
    this.#options.onEvent(build, { status: "failed", error });
  }
}
