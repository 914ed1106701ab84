import { describe, expect, it } from "vitest";
import { isOpen, nextChange, SCHEDULE_LIMITS, schedule } from "./schedule.js";

const BERLIN = "Europe/Berlin";

function of(windows: readonly { days: string[]; start: string; end: string }[], time_zone = "UTC") {
  return schedule.parse({ windows, time_zone });
}
const EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

describe("a schedule", () => {
  it.each([
    ["2026-11-30T21:59:59Z", false],
    ["2026-11-30T22:00:00Z", true],
    ["2026-12-01T06:59:59Z", true],
    ["2026-12-01T07:00:00Z", false],
    // Tuesday evening is not listed, although Monday's window ends on Tuesday.
    ["2026-12-01T22:30:00Z", false],
  ])("that is overnight belongs to the day on which it begins (%s: %s)", (at, open) => {
    expect(isOpen(of([{ days: ["Monday"], start: "22:00", end: "07:00" }]), new Date(at))).toBe(open);
  });

  it("that ends when it begins is the whole day", () => {
    const whole = of([{ days: ["sat"], start: "00:00", end: "00:00" }]);
    expect([isOpen(whole, new Date("2026-12-05T00:00:00Z")), isOpen(whole, new Date("2026-12-05T23:59:59Z"))]).toEqual([true, true]);
    expect([isOpen(whole, new Date("2026-12-04T23:59:59Z")), isOpen(whole, new Date("2026-12-06T00:00:00Z"))]).toEqual([false, false]);
  });

  it("is the union of its windows: where one ends and the next begins it stays open", () => {
    const two = of([
      { days: EVERY_DAY, start: "08:00", end: "12:00" },
      { days: EVERY_DAY, start: "12:00", end: "14:00" },
    ]);
    expect(isOpen(two, new Date("2026-12-01T12:00:00Z"))).toBe(true);
    expect(nextChange(two, new Date("2026-12-01T09:30:30Z"))?.toISOString()).toBe("2026-12-01T14:00:00.000Z");
  });

  it("goes by the clock on the wall when summer time begins and ends", () => {
    const night = of([{ days: EVERY_DAY, start: "02:15", end: "02:45" }], BERLIN);
    // 2026-03-29: 01:59 is followed by 03:00, so there is no such half hour.
    const spring = Array.from({ length: 24 * 4 }, (_, quarter) => new Date(Date.UTC(2026, 2, 28, 23) + quarter * 900_000));
    expect(spring.filter((at) => isOpen(night, at))).toEqual([]);
    // 2026-10-25: 02:00 to 02:59 happens twice, and is open both times.
    const autumn = Array.from({ length: 24 * 4 }, (_, quarter) => new Date(Date.UTC(2026, 9, 24, 22) + quarter * 900_000));
    expect(autumn.filter((at) => isOpen(night, at)).map((at) => at.toISOString().slice(11, 16))).toEqual([
      "00:15",
      "00:30",
      "01:15",
      "01:30",
    ]);
  });

  it("knows no next change where there is none", () => {
    expect(nextChange(of([{ days: EVERY_DAY, start: "00:00", end: "00:00" }]), new Date("2026-12-01T00:00:00Z"))).toBeUndefined();
  });

  it.each([
    [{ days: ["someday"], start: "08:00", end: "09:00" }, /no day of the week/],
    [{ days: ["mon"], start: "8:00", end: "09:00" }, /HH:MM/],
    [{ days: ["mon"], start: "08:00", end: "24:00" }, /HH:MM/],
    [{ days: [], start: "08:00", end: "09:00" }, /Too small/],
    [{ days: ["mon"], start: "08:00", end: "09:00", until: "10:00" }, /until/],
  ])("that does not parse is refused (%j)", (window, reason) => {
    const parsed = schedule.safeParse({ windows: [window] });
    expect(parsed.error?.message).toMatch(reason);
  });

  it("has at least one window and not too many, and a time zone that exists", () => {
    expect(schedule.safeParse({ windows: [] }).error?.message).toMatch(/never serve/);
    const window = { days: ["mon"], start: "08:00", end: "09:00" };
    expect(schedule.safeParse({ windows: new Array(SCHEDULE_LIMITS.windows_max).fill(window) }).success).toBe(true);
    expect(schedule.safeParse({ windows: new Array(SCHEDULE_LIMITS.windows_max + 1).fill(window) }).success).toBe(false);
    expect(schedule.safeParse({ windows: [window], time_zone: "Mars/Olympus" }).error?.message).toMatch(/no such time zone/);
  });
});
