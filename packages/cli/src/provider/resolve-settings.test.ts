import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { readConfigFile } from "./config-file.js";
import { duration_ms } from "./durations.js";
import { engineOf } from "./engine-of.js";
import { providerPlaces } from "./places.js";
import { resolveSettings } from "./resolve-settings.js";

describe("the settings of a provider", () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "umbel-settings-"));
    file = path.join(folder, "provider.toml");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function resolved(text: string, options: Record<string, unknown> = {}, env: Record<string, string> = {}) {
    writeFileSync(file, text);
    return resolveSettings(options, env, readConfigFile(file));
  }

  function refusal(text: string, options: Record<string, unknown> = {}, env: Record<string, string> = {}): CliError {
    try {
      resolved(text, options, env);
    } catch (error) {
      if (error instanceof CliError) return error;
      throw error;
    }
    throw new Error("it was not refused");
  }

  it("come from an option, else the environment, else the file, else they have their default; and it is known whence", () => {
    const text = '[backend]\nparallel = 3\nthreads = 2\n[coordinator]\nurl = "https://a.example"\n';
    const { values, shown } = resolved(text, { sequences: "5", model: [] }, { UMBEL_PROVIDER_SEQUENCES: "4", UMBEL_PROVIDER_THREADS: "6" });
    expect(values).toMatchObject({ sequences: 5, threads: 6, coordinatorUrl: "https://a.example", privateOnly: false, models: [] });
    const sources = Object.fromEntries(shown.map(({ key, source }) => [key, source]));
    expect(sources).toMatchObject({
      "backend.parallel": "option",
      "backend.threads": "environment",
      "coordinator.url": "file",
      "power.stay_awake": "default",
      "power.on_battery": "default",
    });
  });

  it("are those of a machine without a file, too", () => {
    const { values, guest, warnings } = resolveSettings({}, {}, readConfigFile(path.join(folder, "absent.toml")));
    expect(values.coordinatorUrl).toBe("http://127.0.0.1:8080");
    expect(guest).toEqual({ on_battery: "pause", on_metered: "wait", battery_percent_min: 40, grace_ms: 120_000 });
    expect(warnings).toEqual([]);
  });

  it("say where the machine stands only where its owner does", () => {
    expect(resolved("").location).toBeUndefined();
    expect(resolved('[machine]\ncountry = "DE"\n').location).toEqual({ country: "DE" });
    const frankfurt = { country: "DE", city: "Frankfurt am Main" };
    expect(resolved(`[machine]\ncountry = "DE"\ncity = "${frankfurt.city}"\n`).location).toEqual(frankfurt);
    expect(resolved("", {}, { UMBEL_PROVIDER_COUNTRY: "FR" }).location).toEqual({ country: "FR" });
    expect(refusal('[machine]\ncity = "Bonn"\n').message).toContain("it is not said in which country Bonn is");
  });

  it("say where everything else is, also where only that is asked for", () => {
    writeFileSync(file, `data_dir = "${folder}/data"\nmodels_dir = "${folder}/models"\n`);
    const places = providerPlaces({ home: folder, config: file });
    expect(places).toMatchObject({ home: `${folder}/data`, store: { home: `${folder}/data`, modelsDirectory: `${folder}/models` } });
    expect([places.runRecord, places.log]).toEqual([`${folder}/data/run.json`, `${folder}/logs/provider.log`]);
    expect(providerPlaces({ home: `${folder}/other` })).toMatchObject({ home: `${folder}/other/provider` });
    writeFileSync(file, 'models_dir = "models"\n');
    expect(() => providerPlaces({ home: folder })).toThrow(`${file}:1: models_dir: "models" must be an absolute path`);
  });

  it("let a machine compute with something", () => {
    for (const text of ['gpu = "cpu"', "gpu_layers = 0"]) {
      expect(refusal(`[backend]\nallow_cpu = false\n${text}\n`).message).toContain("so that nothing may compute");
    }
    expect(refusal('[backend]\ngpu = "cuda"\ngpu_layers = 0\n').message).toContain("it computes nothing");
    const engine = (text: string) => engineOf({ engine: "llama.cpp" }, resolved(`[backend]\n${text}\n`).values);
    expect(engine("")).toEqual({ kind: "llama.cpp", kvCache: "f16" });
    expect(engine('gpu = "cpu"')).toMatchObject({ gpuLayers: 0 });
    expect(engine('gpu = "vulkan"')).toMatchObject({ gpu: "vulkan" });
    expect(engine("allow_cpu = false")).toMatchObject({ needsGpu: true });
  });

  it("hold a schedule, unless it is not enabled", () => {
    const text = '[schedule]\ntime_zone = "UTC"\n[[schedule.windows]]\ndays = ["mon", "Tuesday"]\nstart = "22:00"\nend = "07:00"\n';
    expect(resolved(text).guest.schedule).toEqual({
      time_zone: "UTC",
      windows: [{ days: ["mon", "Tuesday"], start: "22:00", end: "07:00" }],
    });
    expect(resolved(text.replace("[schedule]", "[schedule]\nenabled = false")).guest.schedule).toBeUndefined();
  });

  it.each([
    ["[backend]\nthreads = 1\nparallel = 80\n", ":3: backend.parallel: 80 is not valid: too big"],
    ['[backend]\nparallel = "many"\n', ':2: backend.parallel: "many" must be a whole number'],
    ['[coordinator]\nurl = "ftp://a"\n', ':2: coordinator.url: "ftp://a" must be the address of a coordinator'],
    ['[power]\non_battery = "sleep"\n', ":2: power.on_battery"],
    ['[machine]\ncountry = "Germany"\n', ":2: machine.country"],
    ['[machine]\ncountry = "DE"\ncity = "<b>"\n', ":3: machine.city"],
    ['[backend]\ngpu = "rocm"\n', ":2: backend.gpu"],
    ["[backend]\ncontext_length = 100\n", ":2: backend.context_length: 100 is not valid: too small"],
    ["[provider]\nmemory_reserve_gb = -1\n", ":2: provider.memory_reserve_gb"],
    ["[backend]\nmemory_gb = 0\n", ":2: backend.memory_gb: 0 must be more than 0"],
    ['[provider]\nname = " "\n', ":2: provider.name"],
    ['data_dir = "here"\n', ':1: data_dir: "here" must be an absolute path'],
    ["[backend\n", ":1: "],
    ['\n[[schedule.windows]]\ndays = ["mon"]\nstart = "25:00"\nend = "07:00"\n', ":2: schedule: windows.0.start: a time of day is HH:MM"],
    ["[schedule]\nenabled = true\n", ":1: schedule: windows: a schedule without windows would never serve"],
    ['[schedule]\nwindow = "x"\n', ":1: schedule"],
  ])("that are wrong are refused with file, line, key and reason: %j", (text, said) => {
    const { message, exitCode } = refusal(text);
    expect(message).toContain(`${file}${said}`);
    expect(exitCode).toBe(EXIT_CODES.configuration);
  });

  it("that are wrong elsewhere are refused there", () => {
    expect(refusal("", { modelsResidentMax: "65" })).toMatchObject({
      message: expect.stringContaining("--models-resident-max"),
      exitCode: EXIT_CODES.usage,
    });
    expect(refusal("", {}, { UMBEL_PROVIDER_GRACE_SECONDS: "1h" })).toMatchObject({
      message: expect.stringContaining("UMBEL_PROVIDER_GRACE_SECONDS"),
      exitCode: EXIT_CODES.configuration,
    });
  });

  it("that nobody knows are told of, and change nothing", () => {
    const { warnings } = resolved('colour = "blue"\n[backend]\nmodles = []\n');
    expect(warnings).toEqual([
      `${file}:1: colour: no setting has this name; it is ignored`,
      `${file}:3: backend.modles: no setting has this name; it is ignored`,
    ]);
  });
});

describe("a time that somebody types", () => {
  it("is a number and a unit", () => {
    expect(["90s", "30m", "2h", "3d"].map((text) => duration_ms("--for", text))).toEqual([90_000, 1_800_000, 7_200_000, 259_200_000]);
  });

  it.each(["", "2", "h", "-1h", "1.5h", "0m", "999999d", "2 h"])("is refused as %j", (text) => {
    expect(() => duration_ms("--for", text)).toThrow(/takes a time like 30m/);
  });
});
