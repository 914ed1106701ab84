import { mkdtemp, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { EXIT_CODES } from "../exit-codes.js";
import { loadScenario, shippedScenarios } from "./scenario-file.js";

const LEAST = {
  name: "least",
  duration_s: 100,
  warmup_s: 20,
  fleet: { providers: 1, classes: [{ name: "any", decode_tps: 50, memory_gb: 16 }] },
  builds: { count: 1 },
  traffic: { rate_per_s: 1 },
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), "umbel-scenario-"));
});

async function file(content: unknown, name = "scenario.json"): Promise<string> {
  const full = path.join(directory, name);
  await writeFile(full, typeof content === "string" ? content : JSON.stringify(content));
  return full;
}

describe("scenarios of the command line", () => {
  it("are found by name where they come with Umbel, all of them sound", async () => {
    const names = (await shippedScenarios()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["heterogeneous", "small"]));
    for (const name of names) expect((await loadScenario(name, {})).scenario.name).toBe(name);
  });

  it("take figures of the command line instead of their own", async () => {
    const { scenario } = await loadScenario(await file(LEAST), { providers: "7", duration: "2m", rate: "3.5", seed: "9" });
    expect(scenario).toMatchObject({ fleet: { providers: 7 }, duration_s: 120, warmup_s: 20, traffic: { rate_per_s: 3.5 }, seed: 9 });
  });

  it("warm up for a shorter time when they run for a shorter one", async () => {
    expect((await loadScenario(await file(LEAST), { duration: "12" })).scenario).toMatchObject({ duration_s: 12, warmup_s: 3 });
  });

  it("read their trace from beside them", async () => {
    await file(
      '{"timestamp":1,"build":"oak","prompt":10,"max":20}\n\n{"timestamp":2,"build":"elm","prompt":1,"max":2,"tools":true}\n',
      "trace.ndjson",
    );
    const { trace } = await loadScenario(await file({ ...LEAST, trace: "trace.ndjson" }), {});
    expect(trace).toEqual([
      { timestamp: 1, build: "oak", prompt: 10, max: 20, tools: false, vision: false, account: "account-0" },
      { timestamp: 2, build: "elm", prompt: 1, max: 2, tools: true, vision: false, account: "account-0" },
    ]);
  });

  it.each([
    ["an unknown name", "no-such-one", {}, EXIT_CODES.usage, /no scenario "no-such-one"/],
    ["a missing file", "./no/such/file.json", {}, EXIT_CODES.usage, /cannot be read/],
    ["a length that is none", "small", { duration: "soon" }, EXIT_CODES.usage, /"soon" is no length of time/],
    ["a number that is none", "small", { rate: "fast" }, EXIT_CODES.usage, /"fast" is no number/],
    ["a figure out of range", "small", { providers: "0" }, EXIT_CODES.configuration, /fleet\.providers/],
  ])("say what is wrong with %s", async (_what, named, overrides, exitCode, message) => {
    await expect(loadScenario(named, overrides)).rejects.toMatchObject({ exitCode, message: expect.stringMatching(message) });
  });

  it("say where a file or its trace is wrong", async () => {
    await expect(loadScenario(await file("{"), {})).rejects.toThrow(/scenario\.json is not JSON/);
    await expect(loadScenario(await file({ ...LEAST, duration_s: -1 }), {})).rejects.toThrow(/duration_s/);
    await file('{"timestamp":1,"build":"oak","prompt":10,"max":20}\n{"timestamp":"late"}\n', "bad.ndjson");
    await expect(loadScenario(await file({ ...LEAST, trace: "bad.ndjson" }), {})).rejects.toThrow(/bad\.ndjson:2: timestamp/);
  });
});
