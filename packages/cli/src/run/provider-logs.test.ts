import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EXIT_CODES } from "../exit-codes.js";
import { type LogsOptions, providerLogs } from "./provider-logs.js";

const NOW = Date.parse("2026-05-05T12:00:00.000Z");
const line = (ago_min: number, msg: string) =>
  JSON.stringify({ level: 30, time: new Date(NOW - ago_min * 60_000).toISOString(), component: "provider", msg, model: "oak" });
const LOG = [line(300, "started"), "a line of something else", line(59, "connected"), line(1, "served")];

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-logs-"));
  vi.spyOn(Date, "now").mockReturnValue(NOW);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(home, { recursive: true });
});

async function shown(options: LogsOptions): Promise<string[]> {
  await mkdir(path.join(home, "logs"), { recursive: true });
  await writeFile(path.join(home, "logs", "provider.log"), `${LOG.join("\n")}\n`);
  const lines: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text).trimEnd()) > 0);
  await providerLogs({ home, ...options });
  return lines;
}

describe("umbel provider logs", () => {
  it.each<[string, LogsOptions, readonly string[]]>([
    ["all lines of a short log", { json: true }, LOG],
    ["the last ones", { lines: "2", json: true }, LOG.slice(2)],
    ["those of a time, and none that has no time", { last: "1h", json: true }, LOG.slice(2)],
    ["the last ones of a time", { last: "6h", lines: "1", json: true }, LOG.slice(3)],
    ["none of a time in which nothing was said", { last: "10s", json: true }, []],
    ["none", { lines: "0", json: true }, []],
  ])("shows %s", async (_, options, lines) => expect(await shown(options)).toEqual(lines));

  it("shows them in words", async () => {
    expect(await shown({ last: "2m" })).toEqual(["2026-05-05T11:59:00.000Z info  served  model=oak"]);
    expect(await shown({ lines: "3" })).toContain("a line of something else");
  });

  it.each<[LogsOptions, number]>([
    [{ lines: "many" }, EXIT_CODES.usage],
    [{ lines: "10001" }, EXIT_CODES.usage],
    [{ last: "soon" }, EXIT_CODES.usage],
  ])("refuses %j", async (options, exitCode) => {
    await expect(shown(options)).rejects.toMatchObject({ exitCode });
  });

  it("says that there is none yet", async () => {
    await expect(providerLogs({ home })).rejects.toMatchObject({ exitCode: EXIT_CODES.failure, message: "There is no log yet." });
  });
});
