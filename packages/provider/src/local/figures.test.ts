import { describe, expect, it } from "vitest";
import { type Figures, renderMetrics } from "./figures.js";

const figures: Figures = {
  slots: [],
  requestsServed: 7,
  tokensGenerated: 70,
  errors: 1,
  cancellations: 2,
  workerRestarts: 0,
  inFlight: 1,
  rests: true,
};

describe("metrics of a machine", () => {
  it("say what it did and does, each with its kind", () => {
    const text = renderMetrics(figures);
    expect(text).toContain("# TYPE umbel_provider_requests_total counter\numbel_provider_requests_total 7\n");
    expect(text).toContain("umbel_provider_resting 1\n");
    expect(text).not.toContain("model_running");
  });

  it("say of each model in memory how full it is, and leave out what was not observed", () => {
    const slot = {
      ...{ model: 'oak"\n', state: "running" as const, num_running: 2, num_waiting: 1, max_concurrency: 4 },
      ...{ active_tokens: 9, token_budget_used: 100, token_budget_max: 4096 },
    };
    const text = renderMetrics({ ...figures, slots: [slot] });
    expect(text).toContain('umbel_provider_model_running{model="oak"} 2\n');
    expect(text).toContain('umbel_provider_model_cache_tokens_max{model="oak"} 4096\n');
    expect(text).not.toContain("decode");
  });
});
