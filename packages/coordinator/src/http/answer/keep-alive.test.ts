import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { keepAlive } from "./keep-alive.js";
import type { AnswerSink } from "./sink.js";

/** Remembers what was written, and when it began. */
function memorySink(): AnswerSink & { readonly written: string[]; readonly begun: unknown[] } {
  const written: string[] = [];
  const begun: unknown[] = [];
  return {
    written,
    begun,
    gone: new AbortController().signal,
    get committed() {
      return begun.length > 0;
    },
    whole: async () => undefined,
    begin: (headers) => void begun.push(headers),
    write: async (events) => void written.push(events),
    beat: (events) => void written.push(events),
    end: async () => undefined,
  };
}

describe("keepAlive", () => {
  it("commits and beats after each full interval of waiting, until stopped", async () => {
    const clock = createFakeClock();
    const sink = memorySink();
    const stop = keepAlive(sink, { clock, interval_ms: 10_000, headers: { "X-Inference-Job-ID": "job" }, text: () => ": still here\n\n" });
    await clock.advance(9_999);
    expect(sink.committed).toBe(false);
    await clock.advance(10_001);
    expect(sink.begun[0]).toEqual({ "X-Inference-Job-ID": "job" });
    expect(sink.written).toEqual([": still here\n\n", ": still here\n\n"]);
    stop();
    await clock.advance(60_000);
    expect(sink.written).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does nothing at an interval of 0", () => {
    const clock = createFakeClock();
    keepAlive(memorySink(), { clock, interval_ms: 0, headers: {}, text: () => "" })();
    expect(clock.pendingTimers).toBe(0);
  });
});
