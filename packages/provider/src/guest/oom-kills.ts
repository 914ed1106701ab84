import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { Sources } from "./readings/sources.js";

/** Where it was found that the system has ended a process for want of memory. */
export type OomEvidence = "control_group" | "kernel_log";

/** How far back the first look goes. Source: provider.md §17.4. */
const FIRST_LOOK_ms = 24 * 3_600_000;
/** A killed process's line stands in the log a moment before its end is noticed. */
const LOOK_BACK_ms = 60_000;
const KERNEL_LINES_max = 200;

const scan = z.object({
  at: z.iso.datetime(),
  pid: z.int(),
  /** Of the control group then: its path, and kills in it so far. */
  group: z.string().optional(),
  kills: z.int().optional(),
});

/** Finds out whether the system ended our processes for want of memory, as far as it tells (Linux). */
export interface OomKills {
  /** Whether it ended the agent of an earlier start, or what this group did since; also notes how things stand now. */
  sinceLastStart(now: Date): Promise<OomEvidence | undefined>;
  /** Whether it has just ended a process of this provider. */
  ofProcess(pid: number | undefined, now: Date): Promise<OomEvidence | undefined>;
}

export function createOomKills(home: string, sources: Pick<Sources, "platform" | "read" | "run">, pid = process.pid): OomKills {
  const file = path.join(home, "oom-last-scan.json");
  let group: { readonly path: string; readonly kills: number } | undefined;

  async function readGroup(): Promise<typeof group> {
    const own = /^0::(\/.*)$/m.exec((await sources.read("/proc/self/cgroup")) ?? "")?.[1];
    if (own === undefined) return undefined;
    const events = await sources.read(`/sys/fs/cgroup${own === "/" ? "" : own}/memory.events`);
    const kills = /^oom_kill (\d+)$/m.exec(events ?? "")?.[1];
    return kills === undefined ? undefined : { path: own, kills: Number(kills) };
  }

  /** Lines of the kernel are readable for some users only. */
  async function kernelKilled(victim: number, since: Date): Promise<boolean> {
    const from = `@${Math.floor(since.getTime() / 1_000)}`;
    const args = ["-k", "-q", "--no-pager", "-o", "cat", "-n", String(KERNEL_LINES_max), "--since", from, "--grep", "killed process"];
    const lines = await sources.run("journalctl", args);
    return lines?.split("\n").some((line) => new RegExp(`killed process ${victim}\\b`, "i").test(line)) === true;
  }

  return {
    async sinceLastStart(now) {
      if (sources.platform !== "linux") return undefined;
      const before = await readScan(file);
      group = await readGroup();
      await writeScan(file, { at: now.toISOString(), pid, ...(group === undefined ? {} : { group: group.path, kills: group.kills }) });
      if (before === undefined) return undefined;
      // A group that was made anew counts from zero again.
      if (group !== undefined && group.path === before.group && group.kills > (before.kills ?? group.kills)) return "control_group";
      const earliest = new Date(now.getTime() - FIRST_LOOK_ms);
      const since = new Date(before.at);
      return (await kernelKilled(before.pid, since > earliest ? since : earliest)) ? "kernel_log" : undefined;
    },
    async ofProcess(victim, now) {
      if (sources.platform !== "linux" || victim === undefined) return undefined;
      const current = await readGroup();
      const isMore = current !== undefined && current.path === group?.path && current.kills > group.kills;
      group = current;
      if (isMore) {
        // What was told once is not told again at the next start.
        await writeScan(file, {
          at: now.toISOString(),
          pid,
          ...(current === undefined ? {} : { group: current.path, kills: current.kills }),
        });
        return "control_group";
      }
      return (await kernelKilled(victim, new Date(now.getTime() - LOOK_BACK_ms))) ? "kernel_log" : undefined;
    },
  };
}

async function readScan(file: string): Promise<z.infer<typeof scan> | undefined> {
  try {
    return scan.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return undefined;
  }
}

async function writeScan(file: string, found: z.infer<typeof scan>): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, `${JSON.stringify(found)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
