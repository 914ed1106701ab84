import { errorClass } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { type FailureClass, retryPolicy } from "./retry-policy.js";

const ALL: readonly FailureClass[] = [...errorClass.options, "send_failed", "disconnected", "protocol_violation", "unaffordable"];

describe("retry policy", () => {
  it("is this table", () => {
    const rows = ALL.map((failure) => {
      const { retryElsewhere, failures_max, breaker, countsAgainstReputation, exhausted } = retryPolicy(failure);
      const retry = retryElsewhere ? `retry ${failures_max}` : "stop";
      const reputation = countsAgainstReputation ? "fault" : "no fault";
      return [failure, retry, breaker, reputation, exhausted ? `${exhausted.status} ${exhausted.code}` : "-"].join(" | ");
    });
    expect(rows).toEqual([
      "client_request | stop | none | no fault | 400 invalid_request_error",
      "context_exceeded | stop | none | no fault | 400 context_length_exceeded",
      "capacity_kv | retry 3 | none | no fault | 429 rate_limit_exceeded",
      "capacity_slots | retry 3 | none | no fault | 429 rate_limit_exceeded",
      "capacity_queue | retry 3 | none | no fault | 429 rate_limit_exceeded",
      "draining | retry 3 | none | no fault | 429 rate_limit_exceeded",
      "not_loaded | retry 3 | none | no fault | 429 rate_limit_exceeded",
      "load_failed_memory | retry 3 | load | no fault | 429 rate_limit_exceeded",
      "load_failed_artifact | retry 3 | load | fault | 502 provider_error",
      "template_render | retry 2 | shape | fault | 502 provider_error",
      "engine_crash | retry 5 | node | fault | 502 provider_error",
      "internal | retry 5 | node | fault | 502 provider_error",
      "cancelled | stop | none | no fault | -",
      "timeout | retry 3 | node | fault | 504 timeout",
      "send_failed | retry 5 | node | fault | 502 provider_error",
      "disconnected | retry 5 | node | fault | 502 provider_error",
      "protocol_violation | retry 5 | node | fault | 502 provider_error",
      "unaffordable | retry 8 | none | no fault | 402 insufficient_quota",
    ]);
  });

  it("allows exactly one attempt where it does not retry", () => {
    for (const failure of ALL) {
      const { retryElsewhere, failures_max } = retryPolicy(failure);
      expect(retryElsewhere).toBe(failures_max > 1);
    }
  });

  it("has one word for a lack of capacity: what goes elsewhere for it trips no breaker and costs no reputation", () => {
    for (const failure of ALL) {
      const { retryElsewhere, exhausted, breaker, countsAgainstReputation } = retryPolicy(failure);
      if (exhausted?.status !== 429) continue;
      expect({ failure, retryElsewhere, breaker, countsAgainstReputation }).toEqual({
        failure,
        retryElsewhere: true,
        breaker: failure === "load_failed_memory" ? "load" : "none",
        countsAgainstReputation: false,
      });
    }
  });

  it("never holds a consumer's own mistake against a machine", () => {
    for (const failure of ["client_request", "context_exceeded", "cancelled"] as const) {
      expect(retryPolicy(failure)).toMatchObject({ breaker: "none", countsAgainstReputation: false, avoidVersion: false });
    }
  });
});
