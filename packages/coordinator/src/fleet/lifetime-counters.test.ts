import { describe, expect, it } from "vitest";
import { counted, readCounters } from "./lifetime-counters.js";

const stats = (requests_served: number, errors = 0) => ({
  ...{ requests_served, tokens_generated: 10 * requests_served, cancellations_received: 0, errors, worker_restarts: 0 },
});

describe("what a machine has counted in all its life", () => {
  it("keeps what a machine does not say as it was, and what was not counted yet when they were stored at 0", () => {
    const early = readCounters({ total: { requests_served: 2, tokens_generated: 20 }, last: { requests_served: 2, tokens_generated: 20 } });
    const later = counted(counted(early, { ...stats(3), usage_gaps: 2 }), stats(4));
    expect(later).toMatchObject({ total: { requests_served: 4, usage_gaps: 2 }, last: { usage_gaps: 2 } });
  });

  it("grows by what each report adds, also when its process was started anew, and over what is stored", () => {
    let counters = readCounters(undefined);
    for (const report of [stats(3), stats(5, 2), stats(5), stats(7, 3), stats(2, 1)]) counters = counted(counters, report);
    expect(counters.total).toMatchObject({ requests_served: 9, tokens_generated: 90, errors: 4 });
    const stored = readCounters(JSON.parse(JSON.stringify(counters)));
    expect(counted(stored, stats(2, 1))).toEqual(counters);
    expect(counted(stored, stats(4, 1)).total).toMatchObject({ requests_served: 11, errors: 4 });
  });

  it("begins afresh where what is stored cannot be read", () => {
    for (const stored of [null, {}, { total: { requests_served: -1 }, last: {} }, "x"]) {
      expect(readCounters(stored).total).toMatchObject({ requests_served: 0, errors: 0 });
    }
  });
});
