/** In-process counters, histograms and gauges with closed names, written as Prometheus text 0.0.4. Source: ops.md §5. */
const LATENCY_ms = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000] as const;
const FIRST_CONTENT_ms = [25, 50, 100, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000] as const;

/** Series of one metric; further label values are counted under `overflow`, so that no caller can exhaust memory. */
export const SERIES_MAX = 2_000;

const CATALOGUE = {
  http_requests_total: { kind: "counter", labels: ["method", "path", "status"], help: "Requests answered, by route pattern." },
  http_request_duration_ms: {
    kind: "histogram",
    labels: ["method", "path"],
    buckets: LATENCY_ms,
    help: "Time from a request's headers to the end of its answer.",
  },
  request_outcome_total: {
    kind: "counter",
    labels: ["model", "class"],
    help: "Inference requests by how they ended, each counted once.",
  },
  admission_refusals_total: { kind: "counter", labels: ["check"], help: "Inference requests refused before money was held, by check." },
  ratelimit_rejections_total: {
    kind: "counter",
    labels: ["tier"],
    help: "Requests refused by a limit: of an account, a service account, a key, an address, wrong credentials, attempts to sign in, changes.",
  },
  rejections_dropped_total: { kind: "counter", labels: ["reason"], help: "Refusals that were not recorded." },
  inference_attempts_total: { kind: "counter", labels: ["outcome"], help: "Attempts on providers by how they ended." },
  hedges_total: { kind: "counter", labels: ["outcome"], help: "Second machines asked because the first was late, and what became of it." },
  first_content_ms: {
    kind: "histogram",
    labels: ["model"],
    buckets: FIRST_CONTENT_ms,
    help: "Time from admission to an answer's first content.",
  },
  prompt_tokens_total: { kind: "counter", labels: ["model"], help: "Prompt tokens settled." },
  completion_tokens_total: { kind: "counter", labels: ["model"], help: "Completion tokens settled." },
  queue_waits_total: { kind: "counter", labels: ["outcome"], help: "Requests that waited for capacity, by how the wait ended." },
  routing_decisions_total: {
    kind: "counter",
    labels: ["outcome", "kind"],
    help: "Selections of a machine by what became of them, for first attempts, retries and hedges.",
  },
  client_gone_total: {
    kind: "counter",
    labels: ["model", "prompt_bucket", "compute_class", "phase"],
    help: "Consumers that left, before the first content or after it.",
  },
  decision_records_total: {
    kind: "counter",
    labels: ["result"],
    help: "Records of decisions: accepted, dropped before, or failed to be written.",
  },
  decision_records_waiting: { kind: "gauge", labels: [], help: "Records of decisions that wait to be written." },
  cache_affinity_total: {
    kind: "counter",
    labels: ["model", "outcome"],
    help: "Answers by whether their prompt's beginning was known, and whether the machine that held it served and had it cached.",
  },
  cached_prompt_tokens_total: { kind: "counter", labels: ["model"], help: "Prompt tokens settled that machines had in their cache." },
  billing_pending_total: { kind: "counter", labels: [], help: "Answers that ended before their settlement was committed." },
  billing_failed_total: { kind: "counter", labels: ["op"], help: "Ledger calls that failed and are repeated." },
  payment_events_total: { kind: "counter", labels: ["type"], help: "What happened to money on its way in and out." },
  outbox_depth: {
    kind: "gauge",
    labels: ["kind", "state"],
    help: "Pieces of work with payment processors: queued, running, or dead, which only a person can end.",
  },
  outbox_failing: { kind: "gauge", labels: [], help: "Those whose last attempt has failed." },
  outbox_failing_s: { kind: "gauge", labels: [], help: "For how long the oldest of those has waited, in seconds." },
  outbox_dead: { kind: "gauge", labels: [], help: "Those that only a person can end." },
  outbox_oldest_s: { kind: "gauge", labels: [], help: "For how long the one that is due longest has been due, in seconds." },
  stripe_inbox_unprocessed: { kind: "gauge", labels: [], help: "Events of Stripe that are taken down and not processed." },
  ledger_events_total: { kind: "counter", labels: ["type"], help: "What the ledger reported beside its answers." },
  telemetry_events_total: {
    kind: "counter",
    labels: ["source", "message", "severity"],
    help: "What machines and consoles told of themselves, by what it says.",
  },
  telemetry_dropped_total: { kind: "counter", labels: ["reason"], help: "The same that was counted and not kept." },
  telemetry_waiting: { kind: "gauge", labels: [], help: "The same that waits to be written." },
  throughput_anomalies_total: {
    kind: "counter",
    labels: ["model", "compute_class"],
    help: "Looks at a compute class that found it far slower with a build than its memory allows.",
  },
  fleet_events_total: { kind: "counter", labels: ["type", "detail"], help: "What happened to provider connections." },
  backup_age_seconds: { kind: "gauge", labels: [], help: "Since the last backup that was made by itself; +Inf before the first." },
  billing_reservations_total: {
    kind: "counter",
    labels: ["model", "mode", "outcome"],
    help: "Holds that were asked for, of service accounts, for own machines first, or any: held, insufficient_funds, key_limit, frozen, or failed for want of an answer.",
  },
  billing_reserved_micro_usd_total: { kind: "counter", labels: ["model"], help: "Held at admission, in millionths of a USD." },
  billing_reservation_releases_total: { kind: "counter", labels: ["reason"], help: "Holds that were given back whole, by why." },
  billing_unaffordable_total: {
    kind: "counter",
    labels: ["model"],
    help: "Machines that were passed over because their owner asks for more than the balance or the key allows.",
  },
  billing_loser_complete_total: {
    kind: "counter",
    labels: [],
    help: "Answers that ended on machines which had been given up; nobody pays for them.",
  },
  billing_zero_usage_total: { kind: "counter", labels: ["model"], help: "Answers that used nothing and cost nothing." },
  billing_usage_suspicious_total: {
    kind: "counter",
    labels: ["model"],
    help: "Answers for which a machine has counted more tokens than what it sent can be made of.",
  },
  billing_hold_latency_ms: {
    kind: "histogram",
    labels: [],
    buckets: LATENCY_ms,
    help: "Time that a hold took at admission, refusals and failures included.",
  },
  billing_settle_latency_ms: {
    kind: "histogram",
    labels: [],
    buckets: LATENCY_ms,
    help: "Time from an answer's end to its settlement's commit.",
  },
  billing_platform_fees_micro_usd_total: {
    kind: "counter",
    labels: [],
    help: "Fees of settled requests, referrers' shares of them included, in millionths of a USD.",
  },
  billing_provider_credits_micro_usd_total: {
    kind: "counter",
    labels: [],
    help: "What settled requests have brought to machines, those of nobody included, in millionths of a USD.",
  },
  billing_settlement_refund_micro_usd_total: {
    kind: "counter",
    labels: [],
    help: "Held for requests beyond what they cost, in millionths of a USD.",
  },
  billing_orphans_released_total: { kind: "counter", labels: [], help: "Holds of coordinators that are gone, given back." },
  billing_spill_depth: { kind: "gauge", labels: [], help: "Settlements that are on disk and not known to be in the database." },
  ledger_invariant_violation: {
    kind: "gauge",
    labels: ["property"],
    help: "What the last reading of the books has found violated; anything above 0 is an alert.",
  },
  billing_open_holds: { kind: "gauge", labels: ["up_to_s"], help: "Open holds by age, at the last reading of the books." },
  billing_waiting: {
    kind: "gauge",
    labels: ["name"],
    help: "Holds, dead letters, and what waits for the world outside or was told by it, at the last reading of the books.",
  },
  inference_in_flight: { kind: "gauge", labels: [], help: "Requests admitted and not ended." },
  loads_pending: { kind: "gauge", labels: [], help: "Loads of models that providers were told and that have not ended." },
  providers: {
    kind: "gauge",
    labels: ["version", "trust_level", "status"],
    help: "Machines by release, trust and whether they take work.",
  },
  model_providers: { kind: "gauge", labels: ["model", "kind"], help: "Public machines of a build: warm, cold, running, routable." },
  model_requests: { kind: "gauge", labels: ["model", "kind"], help: "Requests of a build: active on machines, queued here." },
  model_utilization: {
    kind: "gauge",
    labels: ["model", "kind"],
    help: "Share of a build's places, and of its token budget, that is in use.",
  },
  network_utilization: {
    kind: "gauge",
    labels: ["kind"],
    help: "The same of all builds together, and the share of the build that is used most.",
  },
  network_demand: { kind: "gauge", labels: [], help: "Requests that run, wait on a machine, or wait in line." },
  network_spill_rate: { kind: "gauge", labels: [], help: "Requests per second that found no place of late, or one that came too late." },
  network_places: { kind: "gauge", labels: [], help: "Requests that all machines take at once." },
  network_capacity_tps: { kind: "gauge", labels: [], help: "Tokens per second that all machines write, as far as it is known." },
  providers_unknown_runtime: {
    kind: "gauge",
    labels: [],
    help: "Connected providers whose program is none that is known: none of the releases, nor of those named.",
  },
  providers_connected: { kind: "gauge", labels: [], help: "Providers with an open session." },
} as const satisfies Record<string, MetricDeclaration>;

interface MetricDeclaration {
  readonly kind: "counter" | "histogram" | "gauge";
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

type Catalogue = typeof CATALOGUE;
type NameOf<Kind extends MetricDeclaration["kind"]> = {
  [Name in keyof Catalogue]: Catalogue[Name]["kind"] extends Kind ? Name : never;
}[keyof Catalogue];
type LabelsOf<Name extends keyof Catalogue> = { readonly [Label in Catalogue[Name]["labels"][number]]: string };

export interface Metrics {
  count<Name extends NameOf<"counter">>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  observe<Name extends NameOf<"histogram">>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Reads the value when it is asked for. */
  gauge(name: NameOf<"gauge">, read: () => number): void;
  /** The same of a metric with labels: all of its series at once. */
  gauges<Name extends NameOf<"gauge">>(
    name: Name,
    read: () => readonly { readonly labels: LabelsOf<Name>; readonly value: number }[],
  ): void;
  /** All metrics as Prometheus text. */
  render(): string;
}

interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

export function createMetrics(): Metrics {
  const counters = new Map<keyof Catalogue, Map<string, number>>();
  const histograms = new Map<keyof Catalogue, Map<string, Histogram>>();
  const gauges = new Map<keyof Catalogue, () => readonly (readonly [key: string, value: number])[]>();

  return {
    count(name, labels, by = 1) {
      const series = seriesOf(counters, name);
      const key = seriesKey(name, labels, series);
      series.set(key, (series.get(key) ?? 0) + by);
    },
    observe(name, labels, value) {
      const series = seriesOf(histograms, name);
      const key = seriesKey(name, labels, series);
      const histogram = series.get(key) ?? { counts: CATALOGUE[name].buckets.map(() => 0), sum: 0, count: 0 };
      series.set(key, histogram);
      histogram.sum += value;
      histogram.count += 1;
      CATALOGUE[name].buckets.forEach((bound, index) => {
        if (value <= bound) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
      });
    },
    gauge(name, read) {
      gauges.set(name, () => [["", read()]]);
    },
    gauges(name, read) {
      gauges.set(name, () =>
        read().map(({ labels, value }) => [labelText(name, (label) => (labels as Record<string, string>)[label] ?? ""), value]),
      );
    },
    render() {
      const lines: string[] = [];
      for (const name of Object.keys(CATALOGUE) as (keyof Catalogue)[]) {
        const { kind, help } = CATALOGUE[name];
        lines.push(`# HELP umbel_${name} ${help}`, `# TYPE umbel_${name} ${kind}`);
        for (const [key, value] of counters.get(name) ?? []) lines.push(`umbel_${name}${braced(key)} ${value}`);
        for (const [key, value] of histograms.get(name) ?? []) lines.push(...histogramLines(name, key, value));
        for (const [key, value] of gauges.get(name)?.() ?? []) lines.push(`umbel_${name}${braced(key)} ${written(value)}`);
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function seriesOf<Value>(all: Map<keyof Catalogue, Map<string, Value>>, name: keyof Catalogue): Map<string, Value> {
  const known = all.get(name);
  if (known !== undefined) return known;
  const fresh = new Map<string, Value>();
  all.set(name, fresh);
  return fresh;
}

function seriesKey(name: keyof Catalogue, labels: Readonly<Record<string, string>>, series: ReadonlyMap<string, unknown>): string {
  const key = labelText(name, (label) => labels[label] ?? "");
  return series.has(key) || series.size < SERIES_MAX ? key : labelText(name, () => "overflow");
}

function labelText(name: keyof Catalogue, pick: (label: string) => string): string {
  return CATALOGUE[name].labels.map((label) => `${label}="${pick(label).replace(/[\\"\n]/g, "_")}"`).join(",");
}

function histogramLines(name: keyof Catalogue, key: string, histogram: Histogram): string[] {
  const declaration: MetricDeclaration = CATALOGUE[name];
  const withBound = (bound: string): string => `{${key === "" ? "" : `${key},`}le="${bound}"}`;
  const buckets = (declaration.buckets ?? []).map(
    (bound, index) => `umbel_${name}_bucket${withBound(String(bound))} ${histogram.counts[index] ?? 0}`,
  );
  return [
    ...buckets,
    `umbel_${name}_bucket${withBound("+Inf")} ${histogram.count}`,
    `umbel_${name}_sum${braced(key)} ${histogram.sum}`,
    `umbel_${name}_count${braced(key)} ${histogram.count}`,
  ];
}

function braced(key: string): string {
  return key === "" ? "" : `{${key}}`;
}

/** As Prometheus writes it. */
function written(value: number): string {
  return value === Number.POSITIVE_INFINITY ? "+Inf" : String(value);
}
