import type { Slot } from "@umbel/protocol";

/** What the machine is doing, for whoever watches it. */
export interface Figures {
  /** Of the models in memory. */
  readonly slots: readonly Slot[];
  readonly requestsServed: number;
  readonly tokensGenerated: number;
  readonly errors: number;
  readonly cancellations: number;
  readonly workerRestarts: number;
  /** Requests of this machine's own programs. */
  readonly inFlight: number;
  /** Takes no work. */
  readonly rests: boolean;
}

/** In Prometheus's text format, version 0.0.4. */
export function renderMetrics(figures: Figures): string {
  const { slots } = figures;
  const perModel = (value: (slot: Slot) => number | undefined) =>
    slots.flatMap((slot) => {
      const amount = value(slot);
      return amount === undefined ? [] : [`{model="${slot.model.replace(/["\\\n]/g, "")}"} ${amount}`];
    });
  const metrics: readonly (readonly [name: string, type: "counter" | "gauge", help: string, samples: readonly string[]])[] = [
    ["requests_total", "counter", "Requests answered.", [` ${figures.requestsServed}`]],
    ["tokens_generated_total", "counter", "Tokens generated.", [` ${figures.tokensGenerated}`]],
    ["errors_total", "counter", "Requests that failed.", [` ${figures.errors}`]],
    ["cancellations_total", "counter", "Requests that were cancelled.", [` ${figures.cancellations}`]],
    ["worker_restarts_total", "counter", "Workers started in place of one that died.", [` ${figures.workerRestarts}`]],
    ["local_requests_running", "gauge", "Requests of this machine's own programs under way.", [` ${figures.inFlight}`]],
    ["resting", "gauge", "1 while the machine takes no work.", [` ${figures.rests ? 1 : 0}`]],
    ["model_running", "gauge", "Answers under way, by model in memory.", perModel((slot) => slot.num_running)],
    ["model_waiting", "gauge", "Requests that wait for a place, by model in memory.", perModel((slot) => slot.num_waiting)],
    ["model_places", "gauge", "Answers at the same time at most, by model in memory.", perModel((slot) => slot.max_concurrency)],
    ["model_cache_tokens_used", "gauge", "Tokens that the key-value cache holds for requests.", perModel((slot) => slot.token_budget_used)],
    ["model_cache_tokens_max", "gauge", "Tokens that the key-value cache has room for.", perModel((slot) => slot.token_budget_max)],
    ["model_decode_tokens_per_second", "gauge", "Of one answer, as observed.", perModel((slot) => slot.observed_decode_tps)],
    ["model_prefill_tokens_per_second", "gauge", "Of prompts, as observed.", perModel((slot) => slot.observed_prefill_tps)],
  ];
  return metrics
    .filter(([, , , samples]) => samples.length > 0)
    .map(([name, type, help, samples]) => {
      const full = `umbel_provider_${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${samples.map((sample) => `${full}${sample}\n`).join("")}`;
    })
    .join("");
}
