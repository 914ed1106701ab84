import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createMemoryMarker, type MemoryMarker } from "./memory-marker.js";
import { createOomKills } from "./oom-kills.js";

const NOW = new Date("2026-12-01T12:00:00Z");
const GROUP = "/user.slice/umbel.service";
let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-oom-"));
});
afterEach(() => rm(home, { recursive: true }));

describe("the marker that memory was running out", () => {
  const found: MemoryMarker = { pid: 7, at: NOW.toISOString(), available_bytes: 1, total_bytes: 2, models: ["oak"] };

  it("is there for the next start until it is taken away, for its owner alone", async () => {
    const marker = createMemoryMarker(path.join(home, "new"));
    expect(await marker.read()).toBeUndefined();
    await marker.write(found);
    expect(await createMemoryMarker(path.join(home, "new")).read()).toEqual(found);
    if (process.platform !== "win32") expect((await stat(path.join(home, "new", "oom-marker.json"))).mode & 0o777).toBe(0o600);
    await marker.clear();
    await marker.clear();
    expect(await readdir(path.join(home, "new"))).toEqual([]);
  });

  it("is nothing when it cannot be read", async () => {
    await writeFile(path.join(home, "oom-marker.json"), "{");
    expect(await createMemoryMarker(home).read()).toBeUndefined();
  });
});

describe("kills for want of memory", () => {
  function watch(
    pid: number,
    kills: number | undefined,
    options: { readonly group?: string; readonly kernel?: string; readonly platform?: NodeJS.Platform } = {},
  ) {
    const asked: (readonly string[])[] = [];
    const { group = GROUP, kernel, platform = "linux" } = options;
    const state = { kills };
    const sources = {
      platform,
      read: async (file: string) => {
        if (file === "/proc/self/cgroup") return `0::${group}\n`;
        if (file === `/sys/fs/cgroup${group}/memory.events`)
          return state.kills === undefined ? undefined : `oom 9\noom_kill ${state.kills}\n`;
        return undefined;
      },
      run: async (_program: string, args: readonly string[]) => {
        asked.push(args);
        return kernel;
      },
    };
    return { found: createOomKills(home, sources, pid), asked, state };
  }

  it("are not looked for at the first start", async () => {
    const { found, asked } = watch(10, 3);
    expect(await found.sinceLastStart(NOW)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it.each<[string, Parameters<typeof watch>, string | undefined]>([
    ["the control group counts one more", [11, 4], "control_group"],
    ["it counts none more", [11, 3], undefined],
    ["it was made anew and counts from zero", [11, 1, { group: "/another" }], undefined],
    [
      "the kernel's log names the process of then",
      [11, 3, { kernel: "Out of memory: Killed process 10 (node) total-vm:1kB" }],
      "kernel_log",
    ],
    ["a container's kernel log does", [11, undefined, { kernel: "Memory cgroup out of memory: Killed process 10 (node)" }], "kernel_log"],
    ["it names another process", [11, 3, { kernel: "Out of memory: Killed process 101 (firefox)" }], undefined],
    ["the system does not tell", [11, undefined], undefined],
    ["it is another system", [11, 4, { platform: "darwin" }], undefined],
  ])("are found at the next start when %s", async (_, next, evidence) => {
    await watch(10, 3).found.sinceLastStart(NOW);
    expect(await watch(...next).found.sinceLastStart(new Date(NOW.getTime() + 60_000))).toBe(evidence);
  });

  it("are looked for since the last start, and at most a day back", async () => {
    await watch(10, 3).found.sinceLastStart(NOW);
    const { found, asked } = watch(11, 3);
    await found.sinceLastStart(new Date(NOW.getTime() + 7 * 24 * 3_600_000));
    const [at] = asked[0]?.slice((asked[0]?.indexOf("--since") ?? 0) + 1) ?? [];
    expect(at).toBe(`@${NOW.getTime() / 1_000 + 6 * 24 * 3_600}`);
  });

  it("are told of a worker that has just died, and not once more at the next start", async () => {
    const { found, state } = watch(10, 3);
    await found.sinceLastStart(NOW);
    expect(await found.ofProcess(12, NOW)).toBeUndefined();
    state.kills = 4;
    expect(await found.ofProcess(13, NOW)).toBe("control_group");
    expect(await found.ofProcess(14, NOW)).toBeUndefined();
    expect(await watch(11, 4).found.sinceLastStart(NOW)).toBeUndefined();
  });
});
