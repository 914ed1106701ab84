import { describe, expect, it } from "vitest";
import { readBattery } from "./battery.js";
import { readMemoryLevel } from "./memory-level.js";
import { readMetered } from "./metered.js";
import { runSystemCommand } from "./run-command.js";
import { type Sources, SYSTEM_SOURCES } from "./sources.js";
import { readThermal } from "./thermal.js";
import { readUserIdle_ms } from "./user-idle.js";

interface Machine {
  readonly platform?: NodeJS.Platform;
  readonly files?: Readonly<Record<string, string>>;
  /** By file: when it was read from. */
  readonly lastRead?: Readonly<Record<string, number>>;
  /** By program and arguments. */
  readonly answers?: Readonly<Record<string, string>>;
}

function sources({ platform = "linux", files = {}, lastRead = {}, answers = {} }: Machine): Sources {
  const names = [...Object.keys(files), ...Object.keys(lastRead)];
  return {
    platform,
    read: async (file) => files[file],
    list: async (folder) => [
      ...new Set(names.filter((name) => name.startsWith(`${folder}/`)).map((name) => name.slice(folder.length + 1).split("/")[0] ?? "")),
    ],
    lastRead_ms: async (file) => lastRead[file],
    run: async (program, args) => {
      const asked = `${program} ${args.join(" ")}`;
      return Object.entries(answers).find(([command]) => asked.startsWith(command))?.[1];
    },
  };
}

function supply(name: string, facts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(facts).map(([file, text]) => [`/sys/class/power_supply/${name}/${file}`, `${text}\n`]));
}

describe("the network", () => {
  const bus = (state: number) => ({ "/usr/bin/busctl get-property org.freedesktop.NetworkManager": `u ${state}\n` });
  const devices = (...metered: [number, string][]) => ({
    "/usr/bin/nmcli -t -f": metered.map(([state, word]) => `GENERAL.STATE:${state} (text)\nGENERAL.METERED:${word}\n`).join("\n"),
  });
  const hotspot = "   route to: default\ndestination: default\n    gateway: 172.20.10.1\n  interface: en0\n";
  it.each<[string, Machine, boolean | undefined]>([
    ["that nobody tells of", {}, undefined],
    ["that is metered (Linux)", { answers: bus(1) }, true],
    ["that is not", { answers: bus(2) }, false],
    ["that is taken for metered", { answers: bus(3) }, true],
    ["that is taken for another", { answers: bus(4) }, false],
    ["that NetworkManager knows by its devices only", { answers: { ...bus(0), ...devices([100, "yes (guessed)"], [100, "no"]) } }, true],
    ["whose metered device is not in use", { answers: devices([30, "yes"], [100, "no (guessed)"]) }, false],
    ["of which no device tells", { answers: devices([100, "unknown"]) }, undefined],
    ["of a telephone (macOS)", { platform: "darwin", answers: { "/sbin/route -n get default": hotspot } }, true],
    [
      "of a house (macOS)",
      { platform: "darwin", answers: { "/sbin/route -n get default": hotspot.replace("172.20.10.1", "192.168.1.1") } },
      undefined,
    ],
    ["with a limit (Windows)", { platform: "win32", answers: { "powershell.exe": "Fixed False\r\n" } }, true],
    ["by the byte (Windows)", { platform: "win32", answers: { "powershell.exe": "Variable False\r\n" } }, true],
    ["without a limit, abroad (Windows)", { platform: "win32", answers: { "powershell.exe": "Unrestricted True\r\n" } }, true],
    ["without a limit (Windows)", { platform: "win32", answers: { "powershell.exe": "Unrestricted False\r\n" } }, false],
    ["of which Windows does not know", { platform: "win32", answers: { "powershell.exe": "Unknown False\r\n" } }, undefined],
    ["of another system", { platform: "aix" }, undefined],
  ])("%s", async (_, machine, expected) => {
    expect(await readMetered(sources(machine))).toBe(expected);
  });
});

describe("the battery", () => {
  it.each<[string, Machine, unknown]>([
    ["of a machine without one", { files: supply("AC", { type: "Mains", online: "1" }) }, undefined],
    [
      "that is being used (Linux)",
      { files: supply("BAT0", { type: "Battery", status: "Discharging", capacity: "71" }) },
      { isDischarging: true, percent: 71 },
    ],
    [
      "that is two",
      {
        files: {
          ...supply("BAT0", { type: "Battery", status: "Discharging", capacity: "20" }),
          ...supply("BAT1", { type: "Battery", status: "Not charging", capacity: "81" }),
        },
      },
      { isDischarging: true, percent: 51 },
    ],
    ["of a mouse", { files: supply("hidpp", { type: "Battery", scope: "Device", status: "Discharging", capacity: "5" }) }, undefined],
    [
      "on macOS",
      {
        platform: "darwin",
        answers: {
          "/usr/bin/pmset -g batt": "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t84%; discharging; 5:12 remaining\n",
        },
      },
      { isDischarging: true, percent: 84 },
    ],
    [
      "that is charging on macOS",
      { platform: "darwin", answers: { "/usr/bin/pmset -g batt": "Now drawing from 'AC Power'\n -InternalBattery-0\t100%; charged;\n" } },
      { isDischarging: false, percent: 100 },
    ],
    ["of a Mac without one", { platform: "darwin", answers: { "/usr/bin/pmset -g batt": "Now drawing from 'AC Power'\n" } }, undefined],
    ["on Windows", { platform: "win32", answers: { "powershell.exe": "1 63\r\n" } }, { isDischarging: true, percent: 63 }],
    ["of a Windows machine without one", { platform: "win32", answers: { "powershell.exe": "" } }, undefined],
    ["of a system that tells nothing", { platform: "win32" }, undefined],
  ])("%s", async (_, machine, battery) => {
    expect(await readBattery(sources(machine))).toEqual(battery);
  });
});

describe("the time since somebody used the machine", () => {
  const NOW = 1_000_000;
  it.each<[string, Machine, number | undefined]>([
    ["is unknown on a server that nobody has logged into", {}, undefined],
    [
      "is that of the terminal used last",
      { lastRead: { "/dev/pts/0": NOW - 60_000, "/dev/pts/1": NOW - 5_000, "/dev/pts/ptmx": NOW } },
      5_000,
    ],
    [
      "is that of a desktop which has said so",
      {
        answers: {
          "/usr/bin/loginctl list-sessions": " 2 1000 alice seat0 tty2\n 9 120 gdm seat0 tty1\n",
          "/usr/bin/loginctl show-session 2": "Type=wayland\nClass=user\nIdleHint=yes\nIdleSinceHint=700000000\n",
          "/usr/bin/loginctl show-session 9": "Type=wayland\nClass=greeter\nIdleHint=no\nIdleSinceHint=0\n",
        },
      },
      300_000,
    ],
    [
      "is none at a desktop that is not idle",
      {
        lastRead: { "/dev/pts/0": NOW - 60_000 },
        answers: {
          "/usr/bin/loginctl list-sessions": "2 1000 alice seat0 tty2\n",
          "/usr/bin/loginctl show-session 2": "Type=x11\nClass=user\nIdleHint=no\nIdleSinceHint=0\n",
        },
      },
      0,
    ],
    [
      "is counted in nanoseconds by macOS",
      { platform: "darwin", answers: { "/usr/sbin/ioreg": '  | | "HIDIdleTime" = 4500000000\n' } },
      4_500,
    ],
    ["is counted in milliseconds by Windows", { platform: "win32", answers: { "powershell.exe": "12345\r\n" } }, 12_345],
    ["is unknown where the system does not tell", { platform: "darwin" }, undefined],
  ])("%s", async (_, machine, idle_ms) => {
    expect(await readUserIdle_ms(sources(machine), NOW)).toBe(idle_ms);
  });
});

describe("memory", () => {
  const meminfo = (available_percent: number) => ({
    "/proc/meminfo": `MemTotal: 1000000 kB\nMemAvailable: ${available_percent * 10_000} kB\n`,
  });
  it.each([
    [{ ...meminfo(10) }, "normal"],
    [{ ...meminfo(9) }, "warning"],
    [{ ...meminfo(4) }, "critical"],
    [{ ...meminfo(50), "/proc/pressure/memory": "some avg10=20.00 avg60=0.00\nfull avg10=9.99 avg60=0.00\n" }, "warning"],
    [{ ...meminfo(50), "/proc/pressure/memory": "some avg10=60.00 avg60=0.00\nfull avg10=10.00 avg60=0.00\n" }, "critical"],
    [{ ...meminfo(50), "/proc/pressure/memory": "some avg10=0.00\nfull avg10=0.00\n" }, "normal"],
  ] as const)("%j is %s", async (files, level) => {
    expect(await readMemoryLevel(sources({ files }).read)).toBe(level);
  });
});

describe("heat", () => {
  const zone = (temp: string, trips: readonly (readonly [string, string])[]) => ({
    "/sys/class/thermal/thermal_zone0/temp": temp,
    ...Object.fromEntries(
      trips.flatMap(([kind, limit], index) => [
        [`/sys/class/thermal/thermal_zone0/trip_point_${index}_type`, `${kind}\n`],
        [`/sys/class/thermal/thermal_zone0/trip_point_${index}_temp`, `${limit}\n`],
      ]),
    ),
  });
  const TRIPS = [
    ["passive", "60000"],
    ["critical", "100000"],
  ] as const;
  it.each([
    [zone("84000\n", TRIPS), "nominal"],
    [zone("86000\n", TRIPS), "fair"],
    [zone("96000\n", TRIPS), "serious"],
    [zone("100000\n", TRIPS), "critical"],
    // A sensor without limits, and one that is broken.
    [zone("99000\n", []), "nominal"],
    [zone("-274000\n", TRIPS), "nominal"],
    [{}, "nominal"],
  ] as const)("is read from the kernel's zones (%#: %s)", async (files, state) => {
    expect(await readThermal(sources({ files }))).toBe(state);
  });

  it.each([
    ["CPU_Speed_Limit \t= 100", "nominal"],
    ["CPU_Speed_Limit \t= 90", "fair"],
    ["CPU_Speed_Limit \t= 70", "serious"],
    ["CPU_Speed_Limit \t= 30", "critical"],
    ["Note: No thermal warning level has been recorded", "nominal"],
  ])("is what macOS says of its processor's speed (%s)", async (text, state) => {
    expect(await readThermal(sources({ platform: "darwin", answers: { "/usr/bin/pmset -g therm": text } }))).toBe(state);
  });
});

describe("this machine", () => {
  it("answers every question, or says that it cannot", async () => {
    const battery = await readBattery(SYSTEM_SOURCES);
    expect(battery === undefined || typeof battery.isDischarging === "boolean").toBe(true);
    expect(["nominal", "fair", "serious", "critical"]).toContain(await readThermal(SYSTEM_SOURCES));
    expect(["normal", "warning", "critical"]).toContain(await readMemoryLevel(SYSTEM_SOURCES.read));
    const idle_ms = await readUserIdle_ms(SYSTEM_SOURCES, Date.now());
    expect(idle_ms === undefined || idle_ms >= 0).toBe(true);
  });

  it("has no answer from a program that is not there", async () => {
    expect(await runSystemCommand("/nowhere/umbel-no-such-program", [])).toBeUndefined();
  });
});
