import { describe, expect, it } from "vitest";
import { guestRules } from "./rules.js";
import { FULL_STANCE, type GuestReadings, isSameStance, stanceFor } from "./stance.js";

const AT = new Date("2026-12-01T12:00:00Z");
const WELL: GuestReadings = {
  at: AT,
  pausedUntil_ms: 0,
  userIdle_ms: undefined,
  battery: undefined,
  memory: "normal",
  thermal: "nominal",
  isMetered: undefined,
};

function stance(rules: Parameters<typeof guestRules.parse>[0], readings: Partial<GuestReadings>, before = FULL_STANCE) {
  return stanceFor(guestRules.parse(rules), { ...WELL, ...readings }, before);
}

describe("towards its host a provider", () => {
  it("serves without reserve while nothing speaks against it, and where nothing can be read", () => {
    expect(isSameStance(stance({ idle_min: 5 }, {}), FULL_STANCE)).toBe(true);
  });

  it("fetches nothing in the background over a metered network, unless its owner says so, and serves all the same", () => {
    expect(stance({}, { isMetered: true })).toMatchObject({ reasons: [], fetches: false, keepsModels: true });
    expect(stance({ on_metered: "fetch" }, { isMetered: true }).fetches).toBe(true);
    expect(stance({}, { isMetered: false }).fetches).toBe(true);
    expect(stance({}, { isMetered: false, thermal: "critical" }).fetches).toBe(false);
    expect(isSameStance(stance({}, { isMetered: true }), FULL_STANCE)).toBe(false);
  });

  it.each([
    ["paused", {}, { pausedUntil_ms: AT.getTime() + 1 }],
    ["schedule", { schedule: { windows: [{ days: ["mon"], start: "01:00", end: "02:00" }], time_zone: "UTC" } }, {}],
    ["in_use", { idle_min: 5 }, { userIdle_ms: 299_999 }],
    ["battery", {}, { battery: { isDischarging: true, percent: 99 } }],
    ["memory", {}, { memory: "critical" }],
    ["heat", {}, { thermal: "critical" }],
  ] as const)("rests for this reason: %s", (reason, rules, readings) => {
    expect(stance(rules as never, readings).reasons).toEqual([reason]);
  });

  it("does not rest for what is over, or what its owner does not mind", () => {
    expect(stance({}, { pausedUntil_ms: AT.getTime() }).reasons).toEqual([]);
    expect(stance({ idle_min: 5 }, { userIdle_ms: 300_000 }).reasons).toEqual([]);
    expect(stance({}, { userIdle_ms: 0 }).reasons).toEqual([]);
    expect(stance({ on_battery: "serve" }, { battery: { isDischarging: true, percent: 41 } }).reasons).toEqual([]);
    expect(stance({}, { battery: { isDischarging: false, percent: 3 } }).reasons).toEqual([]);
  });

  it("gives memory back when its owner wants the machine, and the connection up outside its schedule only", () => {
    const closed = { schedule: { windows: [{ days: ["mon"], start: "01:00", end: "02:00" }], time_zone: "UTC" } };
    expect(stance(closed, {})).toMatchObject({ keepsModels: false, keepsConnection: false });
    expect(stance({}, { pausedUntil_ms: Number.POSITIVE_INFINITY })).toMatchObject({ keepsModels: false, keepsConnection: true });
    expect(stance({}, { thermal: "critical" })).toMatchObject({ keepsModels: true, keepsConnection: true });
  });

  it("leaves running answers their time, and none to speak of where memory runs out", () => {
    expect(stance({}, { pausedUntil_ms: Number.POSITIVE_INFINITY }).grace_ms).toBe(120_000);
    expect(stance({}, { memory: "critical" }).grace_ms).toBe(1_000);
    expect(stance({ grace_ms: 0 }, { memory: "critical" }).grace_ms).toBe(0);
  });

  it("offers half its places when it is throttled heavily", () => {
    expect(stance({}, { thermal: "fair" })).toMatchObject({ reasons: [], share: 1 });
    expect(stance({}, { thermal: "serious" })).toMatchObject({ reasons: [], share: 0.5 });
  });

  it("ends a rest later than it would begin one, so that it does not flutter", () => {
    const hot = stance({}, { thermal: "critical" });
    expect(stance({}, { thermal: "serious" }, hot).reasons).toEqual(["heat"]);
    expect(stance({}, { thermal: "fair" }, hot).reasons).toEqual([]);
    const short = stance({}, { memory: "critical" });
    expect(stance({}, { memory: "warning" }, short).reasons).toEqual(["memory"]);
    expect(stance({}, { memory: "warning" }).reasons).toEqual([]);
    const serve = { on_battery: "serve", battery_percent_min: 40 } as const;
    const battery = (percent: number) => ({ battery: { isDischarging: true, percent } });
    const low = stance(serve, battery(39));
    expect(low.reasons).toEqual(["battery"]);
    expect(stance(serve, battery(44), low).reasons).toEqual(["battery"]);
    expect(stance(serve, battery(45), low).reasons).toEqual([]);
  });
});

describe("the rules of a host", () => {
  it("have limits", () => {
    for (const [key, most] of [
      ["idle_min", 1_440],
      ["battery_percent_min", 100],
      ["grace_ms", 600_000],
    ] as const) {
      expect(guestRules.safeParse({ [key]: most }).success).toBe(true);
      expect(guestRules.safeParse({ [key]: most + 1 }).success).toBe(false);
    }
    expect(guestRules.safeParse({ misspelt: 1 }).success).toBe(false);
  });
});
