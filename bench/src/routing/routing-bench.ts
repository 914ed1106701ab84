import { createFleetIndex, type FleetIndex, type ProviderView, seededRandom, select } from "@umbel/routing";
import { type Bench, machine, percentile, type Table } from "../report.js";
import { contextOf, heartbeat, syntheticFleet, syntheticRequest } from "./synthetic-fleet.js";

const SIZES = [100, 1_000, 10_000, 100_000] as const;
const SELECTIONS = 20_000;
const WARM_UP = 5_000;
const SCANS = 30;
const HEARTBEATS = 20_000;

interface Figures {
  readonly machines: number;
  readonly select_p50_us: number;
  readonly select_p99_us: number;
  /** Machines that a selection looks at one by one. */
  readonly visits: number;
  /** The same selections over all machines of the build. */
  readonly scan_p50_us: number;
  readonly heartbeat_p50_us: number;
  readonly heartbeat_p99_us: number;
  /** Of the index alone, beside the views. */
  readonly memory_bytes: number;
}

/** One process, one core; every size is asked the same requests. */
export const routing: Bench = {
  description: "one selection, one heartbeat and the memory of a machine, at 100 to 100,000 machines; and a full scan beside it",
  run: async (progress) => {
    const figures: Figures[] = [];
    for (const size of SIZES) {
      progress(`${size} machines …`);
      figures.push(measure(size));
    }
    return { machine: machine(), tables: [tableOf(figures)], figures: { sizes: figures } };
  },
};

function measure(size: number): Figures {
  const views = syntheticFleet(size);
  const before_bytes = usedHeap_bytes();
  const index = createFleetIndex();
  const random = seededRandom(2);
  const context = contextOf(random);
  for (const view of views) index.set(view, context);
  for (let warm = 0; warm < WARM_UP; warm += 1) index.select(syntheticRequest(random), context);
  const memory_bytes = (usedHeap_bytes() - before_bytes) / size;
  const { times_us, visits } = selections(index, random);
  const scans_us = scans(index, random);
  const heartbeats_us = heartbeats(index, views, random);
  return {
    machines: size,
    select_p50_us: percentile(times_us, 0.5),
    select_p99_us: percentile(times_us, 0.99),
    visits,
    scan_p50_us: percentile(scans_us, 0.5),
    heartbeat_p50_us: percentile(heartbeats_us, 0.5),
    heartbeat_p99_us: percentile(heartbeats_us, 0.99),
    memory_bytes,
  };
}

function selections(index: FleetIndex, random: () => number) {
  const context = contextOf(random);
  const times_us: number[] = [];
  let visits = 0;
  for (let ask = 0; ask < SELECTIONS; ask += 1) {
    const request = syntheticRequest(random);
    const begin = performance.now();
    const decision = index.select(request, context);
    times_us.push((performance.now() - begin) * 1_000);
    visits += decision.visits ?? 0;
  }
  return { times_us, visits: visits / SELECTIONS };
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

function heartbeats(index: FleetIndex, views: readonly ProviderView[], random: () => number): number[] {
  const context = contextOf(random);
  return Array.from({ length: HEARTBEATS }, () => {
    const view = views[Math.floor(random() * views.length)];
    if (view === undefined) throw new Error("the fleet is empty");
    const next = heartbeat(view, random);
    const begin = performance.now();
    index.set(next, context);
    return (performance.now() - begin) * 1_000;
  });
}

function usedHeap_bytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function tableOf(figures: readonly Figures[]): Table {
  return {
    title: `${SELECTIONS} selections each, thirty builds, eight a machine`,
    header: ["machines", "select p50 µs", "p99 µs", "visits", "full scan p50 µs", "heartbeat p50 µs", "p99 µs", "index bytes a machine"],
    rows: figures.map(({ machines, ...rest }) => [String(machines), ...Object.values(rest)]),
  };
}
