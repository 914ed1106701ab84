import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createGuestMonitor, GUEST_LIMITS } from "./guest-monitor.js";
import type { Sources } from "./readings/sources.js";
import { guestRules } from "./rules.js";

const meminfo = (available_percent: number) => `MemTotal: 1000000 kB\nMemAvailable: ${available_percent * 10_000} kB\n`;

/** A machine whose facts a test changes. */
function machine() {
  const files = new Map([["/proc/meminfo", meminfo(50)]]);
  const sources: Sources = {
    platform: "linux",
    read: async (file) => files.get(file),
    list: async (folder) => (folder === "/sys/class/power_supply" && files.has(`${folder}/BAT0/type`) ? ["BAT0"] : []),
    lastRead_ms: async () => undefined,
    run: async () => undefined,
  };
  return { files, sources };
}

describe("a provider that watches its host", () => {
  function watch(rules: Parameters<typeof guestRules.parse>[0] | undefined, pausedUntil_ms = 0) {
    const clock = createFakeClock(new Date("2026-12-01T21:59:30Z"));
    const { files, sources } = machine();
    const changes: string[] = [];
    const monitor = createGuestMonitor({
      rules: rules === undefined ? undefined : guestRules.parse(rules),
      clock,
      pausedUntil_ms,
      sources,
      onChange: ({ reasons }) => changes.push(reasons.join("+") || "serves"),
    });
    return { clock, files, changes, monitor };
  }

  it("sees within a second that memory runs out, and serves again when there is enough", async () => {
    const { clock, files, changes, monitor } = watch({});
    await monitor.start();
    expect(changes).toEqual([]);
    files.set("/proc/meminfo", meminfo(3));
    await clock.advance(GUEST_LIMITS.fast_ms);
    expect(changes).toEqual(["memory"]);
    files.set("/proc/meminfo", meminfo(50));
    await clock.advance(GUEST_LIMITS.fast_ms);
    expect(changes).toEqual(["memory", "serves"]);
    monitor.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("asks once a minute whether the network is metered, and not at all where that changes nothing", async () => {
    for (const [on_metered, asked] of [
      ["wait", 3],
      ["fetch", 0],
    ] as const) {
      const clock = createFakeClock(new Date("2026-12-01T12:00:00Z"));
      const { sources } = machine();
      let [times, answer] = [0, "u 1\n"];
      const run = async (program: string) => {
        if (program !== "/usr/bin/busctl") return undefined;
        times++;
        return answer;
      };
      const fetches: boolean[] = [];
      const monitor = createGuestMonitor({
        ...{ rules: guestRules.parse({ on_metered }), clock, pausedUntil_ms: 0, sources: { ...sources, run } },
        onChange: (stance) => fetches.push(stance.fetches),
      });
      await monitor.start();
      await clock.advance(GUEST_LIMITS.network_ms);
      answer = "u 2\n";
      await clock.advance(GUEST_LIMITS.network_ms);
      expect([times, fetches]).toEqual([asked, on_metered === "wait" ? [false, true] : []]);
      monitor.stop();
    }
  });

  it("holds to its schedule, whatever the clock does", async () => {
    const { clock, changes, monitor } = watch({
      schedule: { windows: [{ days: ["tue"], start: "22:00", end: "06:00" }], time_zone: "UTC" },
    });
    await monitor.start();
    expect(changes).toEqual(["schedule"]);
    await clock.advance(30_000);
    expect(changes).toEqual(["schedule", "serves"]);
    // The machine slept for ten hours.
    await clock.advance(10 * 3_600_000);
    expect(changes).toEqual(["schedule", "serves", "schedule"]);
    monitor.stop();
  });

  it("looks at battery, heat and people now and then", async () => {
    const { clock, files, changes, monitor } = watch({});
    await monitor.start();
    for (const [file, text] of [
      ["type", "Battery"],
      ["status", "Discharging"],
      ["capacity", "80"],
    ] as const)
      files.set(`/sys/class/power_supply/BAT0/${file}`, text);
    await clock.advance(GUEST_LIMITS.slow_ms);
    expect(changes).toEqual(["battery"]);
    monitor.stop();
  });

  it("is paused and resumed by its owner, until further notice or for a while, without any rule", async () => {
    const { clock, changes, monitor } = watch(undefined, Number.POSITIVE_INFINITY);
    await monitor.start();
    monitor.pause(0);
    monitor.pause(clock.date().getTime() + 60_000);
    expect(changes).toEqual(["paused", "serves", "paused"]);
    await clock.advance(60_000);
    expect(changes).toEqual(["paused", "serves", "paused", "serves"]);
    monitor.stop();
    monitor.pause(Number.POSITIVE_INFINITY);
    expect(changes).toHaveLength(4);
  });
});
