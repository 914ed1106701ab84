import { describe, expect, it } from "vitest";
import { createLanes } from "./lanes.js";

/** Work that runs until it is told to end. */
function job() {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, work: () => ended };
}

const NEVER = new AbortController().signal;
const allElse = () => new Promise((resolve) => setImmediate(resolve));

describe("lanes of accounts", () => {
  it("let so many statements of one account through at once, and the rest in its turn, while others do not wait", async () => {
    const lanes = createLanes(2);
    const begun: string[] = [];
    const jobs = ["a1", "a2", "a3", "a4", "b1"].map((name) => {
      const { end, work } = job();
      const done = lanes([name.slice(0, 1)], NEVER, () => {
        begun.push(name);
        return work();
      });
      return { end, done };
    });
    await allElse();
    expect(begun).toEqual(["a1", "a2", "b1"]);
    jobs[1]?.end();
    await jobs[1]?.done;
    await allElse();
    expect(begun).toEqual(["a1", "a2", "b1", "a3"]);
    for (const { end } of jobs) end();
    await Promise.all(jobs.map(({ done }) => done));
    expect(begun.at(-1)).toBe("a4");
  });

  it("are not blocked by two that need the same accounts in another order, and a failure gives its place back", async () => {
    const lanes = createLanes(1);
    const both = [lanes(["a", "platform", "b"], NEVER, async () => "first"), lanes(["b", "a", "platform"], NEVER, async () => "second")];
    expect(await Promise.all(both)).toEqual(["first", "second"]);
    await expect(lanes(["a"], NEVER, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
    expect(await lanes(["a", "a"], NEVER, async () => "goes on")).toBe("goes on");
  });

  it("do not let an account wait because of what its statement waits for in the house's lane", async () => {
    const lanes = createLanes(1);
    const house = job();
    const blocking = lanes(["platform"], NEVER, house.work);
    const waiting = lanes(["a", "platform"], NEVER, async () => "settled");
    expect(await lanes(["a"], NEVER, async () => "held")).toBe("held");
    house.end();
    await blocking;
    expect(await waiting).toBe("settled");
  });

  it("send nothing of whoever gives up while waiting", async () => {
    const lanes = createLanes(1);
    const first = job();
    const running = lanes(["a"], NEVER, first.work);
    const impatient = new AbortController();
    let isSent = false;
    const given = lanes(["a"], impatient.signal, async () => {
      isSent = true;
    });
    const behind = lanes(["a"], NEVER, async () => "behind");
    impatient.abort(new Error("too long"));
    await expect(given).rejects.toThrow("too long");
    first.end();
    await running;
    expect([await behind, isSent]).toEqual(["behind", false]);
  });
});
