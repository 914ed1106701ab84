import type { UnloadModel } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { FULL_STANCE, type Stance } from "../guest/index.js";
import { Conduct } from "./conduct.js";

const PAUSED: Stance = { reasons: ["paused"], keepsModels: false, keepsConnection: true, grace_ms: 10_000, share: 1, fetches: false };
const CLOSED: Stance = { ...PAUSED, reasons: ["schedule"], keepsConnection: false };
const HOT: Stance = { ...PAUSED, reasons: ["heat"], keepsModels: true };

function setUp({ busy = false } = {}) {
  const clock = createFakeClock();
  const said: string[] = [];
  const held: [rests: boolean, fetches: boolean][] = [];
  const say = (word: string) => () => void said.push(word);
  let finish: () => void = () => undefined;
  let resident = ["a", "b"];
  const conduct = new Conduct({
    clock,
    session: {
      open: say("open"),
      close: async () => void said.push("close"),
      beat: say("beat"),
    },
    relay: {
      rest: (rests) => void said.push(rests ? "refuse" : "admit"),
      whenIdle: () =>
        busy
          ? new Promise((resolve) => {
              finish = resolve;
            })
          : Promise.resolve(),
      cancelAll: () => {
        said.push("cancel");
        finish();
      },
    },
    commands: { rest: (rests, { fetches }) => void held.push([rests, fetches]) },
    worker: {
      ready: undefined,
      send: (message) => {
        said.push(`${message.type} ${(message as UnloadModel).model_id}`);
        if (message.type === "unload_model") resident = resident.filter((id) => id !== message.model_id || busy);
      },
    },
    residents: () => resident,
  });
  return { clock, conduct, said, held, finish: () => finish(), take: () => said.splice(0) };
}

describe("a machine that rests", () => {
  it("says so, refuses, puts its models away, and takes them up again", async () => {
    const { conduct, take } = setUp();
    await conduct.adopt(PAUSED);
    expect(take()).toEqual(["refuse", "beat", "unload_model a", "unload_model b"]);
    await conduct.adopt(FULL_STANCE);
    expect(take()).toEqual(["admit", "beat", "load_model a", "load_model b"]);
  });

  it("lets running answers end, and cancels what is left when the grace is over", async () => {
    const { clock, conduct, take, finish } = setUp({ busy: true });
    const rested = conduct.adopt(HOT);
    await clock.advance(9_999);
    expect(take()).toEqual(["refuse", "beat"]);
    await clock.advance(1);
    await rested;
    expect(take()).toEqual(["cancel"]);
    const again = conduct.adopt(HOT);
    finish();
    await again;
    expect([take(), clock.pendingTimers]).toEqual([["refuse", "beat"], 0]);
  });

  it("leaves the coordinator outside its schedule, when nothing runs any more, and comes back", async () => {
    const { conduct, take } = setUp();
    await conduct.adopt(CLOSED);
    expect(take().at(-1)).toBe("close");
    // A worker that comes meanwhile does not connect, and holds nothing in memory for long.
    await conduct.onReady();
    expect(take()).not.toContain("open");
    await conduct.adopt(PAUSED);
    expect(take()).toContain("open");
    await conduct.adopt(FULL_STANCE);
    expect(take()).toEqual(["admit", "beat", "load_model a", "load_model b"]);
  });

  it("serves over a metered network, and only fetches nothing", async () => {
    const { conduct, take, held } = setUp();
    await conduct.adopt({ ...FULL_STANCE, fetches: false });
    await conduct.adopt(FULL_STANCE);
    expect(take()).toEqual(["admit", "beat", "admit", "beat"]);
    expect(held).toEqual([
      [false, false],
      [false, true],
    ]);
  });

  it("does not go on with a rest that is over", async () => {
    const { conduct, take, finish } = setUp({ busy: true });
    const closing = conduct.adopt(CLOSED);
    await conduct.adopt(FULL_STANCE);
    take();
    finish();
    await closing;
    expect(take()).toEqual([]);
  });
});
