import { describe, expect, it } from "vitest";
import { createMetrics, outcomeOfStatus } from "./index.js";
import { SERIES_MAX } from "./metrics.js";

describe("createMetrics", () => {
  it("writes counters with their labels", () => {
    const metrics = createMetrics();
    metrics.count("request_outcome_total", { model: "sprout", class: "success" });
    metrics.count("request_outcome_total", { model: "sprout", class: "success" }, 2);
    expect(metrics.render()).toContain('umbel_request_outcome_total{model="sprout",class="success"} 3');
  });

  it("writes cumulative histogram buckets", () => {
    const metrics = createMetrics();
    for (const value of [4, 30, 1e9]) metrics.observe("http_request_duration_ms", { method: "GET", path: "/health" }, value);
    const text = metrics.render();
    expect(text).toContain('umbel_http_request_duration_ms_bucket{method="GET",path="/health",le="5"} 1');
    expect(text).toContain('umbel_http_request_duration_ms_bucket{method="GET",path="/health",le="60000"} 2');
    expect(text).toContain('umbel_http_request_duration_ms_bucket{method="GET",path="/health",le="+Inf"} 3');
    expect(text).toContain('umbel_http_request_duration_ms_count{method="GET",path="/health"} 3');
  });

  it("reads gauges when asked", () => {
    const metrics = createMetrics();
    let inFlight = 1;
    metrics.gauge("inference_in_flight", () => inFlight);
    inFlight = 7;
    expect(metrics.render()).toContain("umbel_inference_in_flight 7");
  });

  it(`keeps at most ${SERIES_MAX} series of a metric and counts the rest together`, () => {
    const metrics = createMetrics();
    for (let index = 0; index < SERIES_MAX + 5; index += 1) metrics.count("prompt_tokens_total", { model: `m${index}` });
    expect(metrics.render()).toContain('umbel_prompt_tokens_total{model="overflow"} 5');
  });

  it("cannot be broken out of by a label's value", () => {
    const metrics = createMetrics();
    metrics.count("prompt_tokens_total", { model: 'a"} 1\nfake' });
    expect(metrics.render()).toContain('{model="a_} 1_fake"} 1');
  });
});

describe("outcomeOfStatus", () => {
  it.each([
    [200, "success"],
    [429, "rate_limited"],
    [408, "timeout"],
    [504, "timeout"],
    [502, "provider_5xx"],
    [402, "client_error"],
  ])("counts status %i as %s", (status, outcome) => {
    expect(outcomeOfStatus(status)).toBe(outcome);
  });
});
