import os from "node:os";
import { hardware, systemMetrics } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { computeClass } from "./compute-class.js";
import { readHardware, usableCores } from "./facts.js";
import { type ReadText, readMemory } from "./memory.js";
import { readMetrics } from "./metrics.js";

const GiB = 2 ** 30;

function files(contents: Record<string, string>): ReadText {
  return (path) => Promise.resolve(contents[path]);
}

const meminfo = `MemTotal:       ${16 * 1024 * 1024} kB\nMemFree: 1 kB\nMemAvailable:   ${8 * 1024 * 1024} kB\n`;

describe("memory", () => {
  it("is the machine's where no control group limits it", async () => {
    const read = files({ "/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/user\n", "/sys/fs/cgroup/user/memory.max": "max\n" });
    expect(await readMemory(read)).toEqual({ total_bytes: 16 * GiB, available_bytes: 8 * GiB });
  });

  it("is the container's where its limit is below the machine's", async () => {
    const read = files({
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/memory.max": `${4 * GiB}\n`,
      "/sys/fs/cgroup/memory.current": `${3 * GiB}\n`,
    });
    expect(await readMemory(read)).toEqual({ total_bytes: 4 * GiB, available_bytes: 1 * GiB });
  });

  it("takes the tightest limit on the way up", async () => {
    const read = files({
      "/proc/meminfo": meminfo,
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/memory.max": `${6 * GiB}\n`,
      "/sys/fs/cgroup/a/memory.max": `${2 * GiB}\n`,
    });
    expect((await readMemory(read)).total_bytes).toBe(2 * GiB);
  });

  it("reads version 1 control groups, whose missing limit is a huge number", async () => {
    const limited = { "/proc/meminfo": meminfo, "/proc/self/cgroup": "4:memory:/docker/x\n" };
    const path = "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes";
    expect((await readMemory(files({ ...limited, [path]: `${1 * GiB}` }))).total_bytes).toBe(1 * GiB);
    expect((await readMemory(files({ ...limited, [path]: "9223372036854771712" }))).total_bytes).toBe(16 * GiB);
  });

  it("asks the operating system where there is no /proc", async () => {
    expect((await readMemory(files({}))).total_bytes).toBe(os.totalmem());
  });
});

describe("cores", () => {
  it("are fewer when a control group grants a share of their time", async () => {
    const read = files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" });
    expect(await usableCores(read)).toBe(1);
    expect(await usableCores(files({ "/sys/fs/cgroup/cpu.max": "max 100000\n" }))).toBe(os.availableParallelism());
  });
});

describe("compute class", () => {
  const chip = { platform: "linux", arch: "x64", name: "x", cpuinfo: undefined };
  it.each([
    ["flags\t\t: sse4_2 avx avx2 avx512f", "cpu-avx512"],
    ["flags\t\t: sse4_2 avx avx2", "cpu-avx2"],
    ["flags\t\t: sse4_2", "cpu-sse42"],
  ])("names the widest instructions of %s", (cpuinfo, expected) => {
    expect(computeClass({ ...chip, cpuinfo })).toBe(expected);
  });

  it("falls back to the architecture", () => {
    expect(computeClass(chip)).toBe("cpu-x64");
    expect(computeClass({ ...chip, arch: "arm64" })).toBe("cpu-arm64");
  });

  it("names Apple chips by generation and tier", () => {
    expect(computeClass({ ...chip, platform: "darwin", arch: "arm64", name: "Apple M4 Max" })).toBe("apple-m4-max");
    expect(computeClass({ ...chip, platform: "darwin", arch: "arm64", name: "Apple M2" })).toBe("apple-m2");
  });
});

describe("this machine", () => {
  it("describes itself as the protocol asks", async () => {
    const facts = await readHardware();
    expect(hardware.parse(facts)).toEqual(facts);
    expect(facts.cpu_cores).toBeGreaterThan(0);
  });

  it("reports shares between 0 and 1", async () => {
    const metrics = systemMetrics.parse(await readMetrics());
    for (const value of [metrics.memory_pressure, metrics.cpu_usage]) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1);
    }
  });
});
