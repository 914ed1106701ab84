import { describe, expect, it } from "vitest";
import { CapacitySignals } from "./capacity-signals.js";

const QUIET = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe("CapacitySignals", () => {
  it("calls every listener although one fails, and logs that", async () => {
    const errors: string[] = [];
    const signals = new CapacitySignals({ ...QUIET, error: (_, message) => errors.push(message) });
    const calls: string[] = [];
    signals.subscribe("a", () => {
      throw new Error("broken");
    });
    signals.subscribe("a", () => calls.push("second"));
    signals.changed(["a"]);
    await Promise.resolve();
    expect(calls).toEqual(["second"]);
    expect(errors).toEqual(["a listener for capacity failed"]);
  });

  it("tells a listener of changes that it causes itself, in a later turn", async () => {
    const signals = new CapacitySignals(QUIET);
    let calls = 0;
    signals.subscribe("a", () => {
      calls += 1;
      if (calls < 3) signals.changed(["a"]);
    });
    signals.changed(["a"]);
    await new Promise(setImmediate);
    expect(calls).toBe(3);
  });

  it("lets one function be subscribed twice and unsubscribed once", async () => {
    const signals = new CapacitySignals(QUIET);
    let calls = 0;
    const listener = (): void => {
      calls += 1;
    };
    const stop = signals.subscribe("a", listener);
    signals.subscribe("a", listener);
    stop();
    stop();
    signals.changed(["a", "b"]);
    await Promise.resolve();
    expect(calls).toBe(1);
  });
});
