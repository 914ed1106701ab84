import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { TELEMETRY_LIMITS } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLogReport, sendLogReport } from "./log-report.js";

const SINCE = new Date("2020-12-01T00:00:00Z");
let home: string;
let log: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-report-"));
  log = path.join(home, "provider.log");
});
afterEach(() => rm(home, { recursive: true }));

const line = (time: string, fields: object = {}) => `${JSON.stringify({ time, level: 30, msg: "it went on", ...fields })}\n`;

describe("a log report", () => {
  it("has the lines from a time on, also of logs that were put aside, behind what is known of the machine", async () => {
    await writeFile(log, `${line("2020-11-30T23:00:00Z", { n: 0 })}${line("2020-12-01T02:00:00Z", { n: 2 })}`);
    await writeFile(path.join(home, "20201201-0100-01-provider.log"), line("2020-12-01T01:00:00Z", { n: 1 }));
    const older = path.join(home, "20201101-0100-01-provider.log");
    await writeFile(older, line("2020-12-01T03:00:00Z", { n: 9 }));
    await utimes(older, new Date("2020-11-01T00:00:00Z"), new Date("2020-11-01T00:00:00Z"));
    await writeFile(path.join(home, "other.log"), line("2020-12-01T01:00:00Z", { n: 8 }));
    const { text, lines, leftOut } = await readLogReport(log, SINCE, { version: "0.1.0" });
    const [head, ...rest] = text
      .trim()
      .split("\n")
      .map((each) => JSON.parse(each) as { readonly n?: number });
    expect(head).toMatchObject({ report: "umbel-log-report/1", version: "0.1.0" });
    expect(rest.map(({ n }) => n)).toEqual([1, 2]);
    expect([lines, leftOut]).toEqual([2, 0]);
  });

  it("holds no key, token, address or foreign text of the log", async () => {
    const secrets = {
      key: `sk-um-${"ab".repeat(32)}`,
      from: "ada@example.org",
      peer: "203.0.113.7",
      at: "/home/ada/.umbel",
      prompt: "tell me",
    };
    await writeFile(log, line("2020-12-01T02:00:00Z", secrets));
    const { text } = await readLogReport(log, SINCE, { token: "umbel-pt-1", said: `Bearer ${"x".repeat(20)}` });
    for (const hidden of ["abab", "ada", "203.0.113", "tell me", "umbel-pt-1", "xxxx"]) expect(text).not.toContain(hidden);
    expect(text).toContain("it went on");
  });

  it(`is at most ${TELEMETRY_LIMITS.report_bytes_max} bytes: the latest lines are kept`, async () => {
    const count = 12_000;
    await writeFile(
      log,
      Array.from({ length: count }, (_, n) => line("2020-12-01T02:00:00Z", { n, words: "it is so ".repeat(100) })).join(""),
    );
    const { text, lines, leftOut } = await readLogReport(log, SINCE, {});
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(TELEMETRY_LIMITS.report_bytes_max);
    expect(lines + leftOut).toBeGreaterThan(lines);
    expect(JSON.parse(text.trim().split("\n").at(-1) ?? "")).toMatchObject({ n: count - 1 });
  });

  it("is sent compressed with the machine's token, and what became of it is told", async () => {
    const asked: { readonly url: string; readonly init: RequestInit | undefined }[] = [];
    const answering =
      (status: number, body: string): typeof fetch =>
      async (url, init) => {
        asked.push({ url: String(url), init });
        return new Response(body, { status });
      };
    const to = { coordinatorUrl: "wss://coordinator.example", authToken: "umbel-pt-1" };
    const stored = '{"status":"stored","id":"rep_1","machine":"tok:1","size_bytes":6}';
    expect(await sendLogReport(to, { text: "lines\n" }, answering(201, stored))).toMatchObject({ type: "stored", id: "rep_1" });
    expect(asked[0]).toMatchObject({
      url: "https://coordinator.example/v1/provider/log-report",
      init: { method: "POST", headers: { authorization: "Bearer umbel-pt-1", "content-encoding": "gzip" } },
    });
    expect(gunzipSync(asked[0]?.init?.body as Uint8Array).toString()).toBe("lines\n");
    expect(await sendLogReport(to, { text: "x" }, answering(413, '{"error":{"message":"too large"}}'))).toEqual({
      type: "refused",
      status: 413,
      message: "too large",
    });
    expect(await sendLogReport(to, { text: "x" }, answering(502, "<html>"))).toMatchObject({ type: "refused", status: 502 });
    expect(await sendLogReport(to, { text: "x" }, () => Promise.reject(new Error("no network")))).toEqual({ type: "silent" });
  });
});
