import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  createFleetIndex,
  type FleetIndex,
  PlacedWork,
  type ProviderView,
  type RoutingContext,
  seededRandom,
  select,
} from "@umbel/routing";
import { type Bench, machine, percentile, type Table } from "../report.js";
import { contextOf, heartbeat, syntheticFleet, syntheticRequest } from "./synthetic-fleet.js";

const SIZES = [100, 1_000, 10_000, 100_000] as const;
const REQUESTS = 2_000;
const HEARTBEATS = 1_000;
const ROUNDS = 9;
const WARM_UP = 5_000;
const SCANS = 9;

interface Figures {
  readonly machines: number;
  readonly select: Timing;
  /** Machines that a selection looks at one by one. */
  readonly visits: number;
  /** The same selections over all machines of the build. */
  readonly scan_p50_us: number;
  readonly heartbeat: Timing;
  /** A request has ended, and its place on a machine is free again. */
  readonly release: Timing;
  /** Of the index alone, beside the views. */
  readonly memory_bytes: number;
}

/** Beside what a machine takes on the average: what each takes that comes on top of a fleet of the size before. */
interface Grown extends Figures {
  readonly further_bytes: number;
}

/** Of several rounds over the same work, since other programs on the machine, and the collector, take their turns at any time. */
interface Timing {
  /** Median over the rounds. */
  readonly p50_us: number;
  /** Of the quietest round. */
  readonly p99_us: number;
  /** Over the pieces of work, each as quick as in its quickest round: what the work itself takes. */
  readonly quiet_p99_us: number;
}

/** One process, one core; every size is asked the same requests. */
export const routing: Bench = {
  description:
    "one selection, one heartbeat, one end of a request and the memory of a machine, at 100 to 100,000 machines; and a full scan beside it",
  run: async (progress) => {
    const figures: Grown[] = [];
    for (const size of SIZES) {
      progress(`${size} machines …`);
      figures.push(grown(measure(size), figures.at(-1)));
    }
    return { machine: machine(), tables: [tableOf(figures)], figures: { sizes: figures } };
  },
};

function measure(size: number): Figures {
  const views = syntheticFleet(size);
  const random = seededRandom(2);
  const context = contextOf(random);
  compile(context);
  const before_bytes = usedHeap_bytes();
  const index = createFleetIndex();
  for (const view of views) index.set(view, context);
  const memory_bytes = (usedHeap_bytes() - before_bytes) / size;
  for (let warm = 0; warm < WARM_UP; warm += 1) index.select(syntheticRequest(random), context);
  const requests = Array.from({ length: REQUESTS }, () => syntheticRequest(random));
  let visits = 0;
  const select = timed(() =>
    requests.map((request) => () => {
      visits += index.select(request, context).visits ?? 0;
    }),
  );
  const heartbeat = timed(() => heartbeats(index, views, random));
  const release = timed(() => releases(index, views, random));
  return {
    machines: size,
    select,
    visits: visits / REQUESTS / ROUNDS,
    scan_p50_us: percentile(scans(index, random), 0.5),
    heartbeat,
    release,
    memory_bytes,
  };
}

function grown(figures: Figures, before: Figures | undefined): Grown {
  if (before === undefined) return { ...figures, further_bytes: figures.memory_bytes };
  const added_bytes = figures.machines * figures.memory_bytes - before.machines * before.memory_bytes;
  return { ...figures, further_bytes: added_bytes / (figures.machines - before.machines) };
}

/** Compiled code is no machine's, and comes with the first machines. */
function compile(context: RoutingContext): void {
  const index = createFleetIndex();
  for (const view of syntheticFleet(WARM_UP)) index.set(view, context);
}

/**
 * The collector runs when it wants to: forced before each round, it threw compiled code away with the rest, and the rounds measured its return.
 *
 * @param round the pieces of work of one round, prepared outside the clock; as many in each, in the same order
 */
function timed(round: () => readonly (() => void)[]): Timing {
  const rounds = Array.from({ length: ROUNDS }, () =>
    round().map((piece) => {
      const begin = performance.now();
      piece();
      return (performance.now() - begin) * 1_000;
    }),
  );
  const quickest = (rounds[0] ?? []).map((_, piece) => Math.min(...rounds.map((times_us) => times_us[piece] ?? Number.NaN)));
  return {
    p50_us: percentile(
      rounds.map((times_us) => percentile(times_us, 0.5)),
      0.5,
    ),
    p99_us: Math.min(...rounds.map((times_us) => percentile(times_us, 0.99))),
    quiet_p99_us: percentile(quickest, 0.99),
  };
}

/** The next heartbeats of some machines, the same in each round. */
function heartbeats(index: FleetIndex, views: ProviderView[], random: () => number): (() => void)[] {
  const context = contextOf(random);
  return Array.from({ length: HEARTBEATS }, (_, count) => {
    const place = Math.floor((count * views.length) / HEARTBEATS);
    const view = views[place];
    if (view === undefined) throw new Error("the fleet is empty");
    const next = heartbeat(view, random);
    views[place] = next;
    return () => index.set(next, context);
  });
}

/** Ends of requests that were placed on some machines, the same in each round. */
function releases(index: FleetIndex, views: readonly ProviderView[], random: () => number): (() => void)[] {
  const context = contextOf(random);
  return Array.from({ length: HEARTBEATS }, (_, count) => {
    const view = views[Math.floor((count * views.length) / HEARTBEATS)];
    const [build] = view?.builds.keys() ?? [];
    if (view === undefined || build === undefined) throw new Error("the fleet is empty");
    const work = new PlacedWork();
    const { view: busy, placed } = work.place(view, build, { tokens: 1_000, unread_tokens: 500, memory: undefined });
    index.set(busy, context);
    return () => index.set(work.released(busy, placed), context);
  });
}

function scans(index: FleetIndex, random: () => number): number[] {
  const context = contextOf(random);
  return Array.from({ length: SCANS }, () => {
    const request = syntheticRequest(random);
    const begin = performance.now();
    select(index.views(request.build), request, context);
    return (performance.now() - begin) * 1_000;
  });
}

function usedHeap_bytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}

function tableOf(figures: readonly Grown[]): Table {
  return {
    title: `${REQUESTS} selections in ${ROUNDS} rounds, thirty builds, eight a machine; quiet: each at its quickest`,
    header: [
      "machines",
      ...["select p50 µs", "p99 µs", "quiet p99 µs", "visits", "full scan p50 µs"],
      ...[
        "heartbeat p50 µs",
        "p99 µs",
        "quiet p99 µs",
        "release p50 µs",
        "p99 µs",
        "quiet p99 µs",
        "index bytes a machine",
        "a further one",
      ],
    ],
    rows: figures.map(({ machines, select, visits, scan_p50_us, heartbeat, release, memory_bytes, further_bytes }) => [
      String(machines),
      ...Object.values(select),
      visits,
      scan_p50_us,
      ...Object.values(heartbeat),
      ...Object.values(release),
      memory_bytes,
      further_bytes,
    ]),
  };
}
