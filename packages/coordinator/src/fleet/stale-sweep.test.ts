import { describe, expect, it } from "vitest";
import { sweepStale } from "./stale-sweep.js";

function fleet(...heard_ms: readonly number[]) {
  const aborted: number[] = [];
  const lines: object[] = [];
  const sessions = heard_ms.map((at_ms, number) => ({
    peer: { abort: () => void aborted.push(number) },
    silence_ms: (now_ms: number) => now_ms - at_ms,
    isStale: (now_ms: number) => now_ms - at_ms > 90_000,
  }));
  return { sessions, aborted, lines, log: { warn: (fields: object) => void lines.push(fields) } };
}

describe("a sweep", () => {
  it("disconnects the silent, and tells how silent they and all others were", () => {
    const { sessions, aborted, lines, log } = fleet(0, 99_000, 98_000, 5_000, 97_500);
    sweepStale(sessions, 100_000, log);
    expect(aborted).toEqual([0, 3]);
    expect(lines).toEqual([
      {
        event: "stale",
        machines: 2,
        silent_s: { least: 95, most: 100 },
        fleet: { machines: 5, silent_s: { least: 1, p50: 2.5, p90: 95, most: 100 } },
      },
    ]);
  });

  it("says nothing where nobody is", () => {
    const { sessions, aborted, lines, log } = fleet(99_000);
    sweepStale(sessions, 100_000, log);
    expect([aborted, lines]).toEqual([[], []]);
  });
});
