import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DeviceKeyPair, generateDeviceKey, type ReleaseClaims } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeSetting } from "../provider/write-setting.js";
import { packRelease } from "../releases/pack-release.js";
import { VERSION } from "../version.js";
import { finishInstallation } from "./install-into.js";
import { type InstallationPlaces, installationPlaces, PLATFORM } from "./layout.js";
import { updateNotice, wantsNotice } from "./notice.js";
import { ownUpdates, type UpdateFacts } from "./own-updates.js";
import { readPointer, writePointer } from "./pointer.js";
import type { RunningProvider } from "./running-provider.js";
import { startFileServer, writeBundle } from "./testing/bundle.js";
import { putOnTrial, trialOf } from "./trial.js";
import { watchReleases } from "./watch-releases.js";

const MINUTE_ms = 60_000;
const FOUND = { version: "9.9.9" } as ReleaseClaims;

describe("looking for releases", () => {
  it("begins after five minutes, goes on every half hour, and ends with the one that is ready", async () => {
    const clock = createFakeClock();
    const at: number[] = [];
    const look = async () => {
      at.push(clock.now_ms() / MINUTE_ms);
      return at.length === 3 ? FOUND : undefined;
    };
    const watch = watchReleases({ clock, random: () => 0.5, look, onProblem: () => undefined });
    expect(watch.state()).toEqual({ looked_at: null, problem: null });
    await clock.advance(600 * MINUTE_ms);
    expect(at).toEqual([5, 35, 65]);
    expect(await watch.ready).toBe(FOUND);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is spread by a tenth, waits for a look that takes long, and tells what is in its way", async () => {
    const clock = createFakeClock();
    const problems: string[] = [];
    let [running, most] = [0, 0];
    const look = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void clock.setTimer(90 * MINUTE_ms, resolve));
      running -= 1;
      throw new Error("no way");
    };
    const watch = watchReleases({ clock, random: () => 1, look, onProblem: (problem) => problems.push(problem) });
    await clock.advance(5.4 * MINUTE_ms);
    expect(running).toBe(0);
    await clock.advance(0.2 * MINUTE_ms);
    expect(running).toBe(1);
    await clock.advance(300 * MINUTE_ms);
    expect(most).toBe(1);
    expect(problems.length).toBe(2);
    expect(watch.state().problem).toContain("no way");
    watch.stop();
    await clock.advance(300 * MINUTE_ms);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a provider that updates itself", () => {
  let folder: string;
  let places: InstallationPlaces;
  let key: DeviceKeyPair;
  let files: Awaited<ReturnType<typeof startFileServer>>;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "umbel-own-"));
    places = installationPlaces(path.join(folder, "app"));
    [key, files] = await Promise.all([generateDeviceKey(), startFileServer(folder)]);
    await writeBundle(path.join(places.versions, VERSION), VERSION);
    await finishInstallation(places, VERSION, [key.publicJwk]);
  });
  afterEach(async () => {
    vi.unstubAllGlobals();
    files.close();
    await rm(folder, { recursive: true });
  });

  /** A coordinator that offers a version, signed by whoever; everything else is fetched as it is. */
  async function offer(version: string, by = key): Promise<void> {
    await writeBundle(path.join(folder, `bundle-${version}`), version);
    const archive = path.join(folder, `${version}.tar.gz`);
    const about = { archive, platform: PLATFORM, channel: "stable", key: by, nextKeys: [], at: new Date("2026-12-01T12:00:00Z") };
    const packed = await packRelease(path.join(folder, `bundle-${version}`), about);
    const said = {
      url: `${files.url}/${version}.tar.gz`,
      changelog: "",
      rollout: 100,
      active: true,
      created_at: "2026-12-01T12:00:00.000Z",
    };
    const real = globalThis.fetch;
    vi.stubGlobal("fetch", async (url: string | URL, init?: RequestInit) =>
      String(url).startsWith("https://c.example/") ? new Response(JSON.stringify({ ...packed, ...said })) : real(url, init),
    );
  }
  function running(keptBy: "service" | "background" | undefined, why?: string) {
    const started: string[] = [];
    const startAgain = async (version: string) => {
      started.push(version);
      return version === VERSION ? undefined : why;
    };
    const status = { connected: true, load_failures: [] } as unknown as RunningProvider["status"];
    return { started, keptBy, status, drain: async () => undefined, startAgain: keptBy === undefined ? undefined : startAgain };
  }
  async function updates(kept: RunningProvider, { isOn = true, fetches = true } = {}) {
    const clock = createFakeClock();
    const problems: unknown[] = [];
    const log = { info: () => undefined, warn: (about: object) => void problems.push(about) };
    const agent = {
      state: () => ({ machineId: "m", stance: { fetches }, phase: "serving", failures: [] }),
    } as unknown as UpdateFacts["agent"];
    const about = { clock, random: () => 0.5, log, agent, home: {}, coordinator: "https://c.example", running: async () => kept };
    const own = await ownUpdates({ ...about, wanted: () => ({ isOn, channel: "stable" }) }, places);
    /** What one look has come to. */
    const look = async () => {
      const next = own.watch();
      await clock.advance(5 * MINUTE_ms);
      const looked = expect.poll(() => own.state().looked_at, { timeout: 20_000 }).not.toBeNull();
      const found = await Promise.race([next, looked.then(() => undefined)]);
      own.stop();
      return found;
    };
    return { own, look, problems };
  }

  it("fetches what a pinned key has signed, and has its service start it on trial", async () => {
    await offer("99.0.0");
    const kept = running("service");
    const { own, look } = await updates(kept);
    const claims = await look();
    expect(claims?.version).toBe("99.0.0");
    expect((await readPointer(places)).version).toBe(VERSION);
    expect(await own.handOver(claims as ReleaseClaims, kept)).toBe(75);
    expect(await readPointer(places)).toMatchObject({ version: "99.0.0", previous: VERSION, state: "trying" });
    expect(await trialOf(places, "99.0.0")).toBeDefined();
    expect(kept.started).toEqual([]);
  });

  it.each<[string, string | undefined, number, string, string[]]>([
    ["comes up", undefined, 0, "99.0.0", ["99.0.0"]],
    ["does not come up", "it is failed", 8, VERSION, ["99.0.0", VERSION]],
  ])("starts it in the background where nothing keeps it: one that %s", async (_, why, code, version, started) => {
    await offer("99.0.0");
    const kept = running("background", why);
    const { own, look } = await updates(kept);
    expect(await own.handOver((await look()) as ReleaseClaims, kept)).toBe(code);
    expect(await readPointer(places)).toMatchObject({ version, state: "kept" });
    expect(kept.started).toEqual(started);
  });

  it.each<[string, () => Promise<void>, Parameters<typeof updates>, string | undefined]>([
    ["nobody it knows has signed", async () => offer("99.0.0", await generateDeviceKey()), [running("service")], "is not signed by a key"],
    ["is older", () => offer("0.0.1"), [running("service")], undefined],
    ["its owner does not want", () => offer("99.0.0"), [running("service"), { isOn: false }], undefined],
    ["would come over a metered network", () => offer("99.0.0"), [running("service"), { fetches: false }], undefined],
    ["nobody would start", () => offer("99.0.0"), [running(undefined)], "nothing is known that would start"],
    ["did not come up before", () => failedBefore("99.0.0"), [running("service")], undefined],
  ])("leaves a release alone that %s", async (_, make, about, problem) => {
    await make();
    const { look, problems, own } = await updates(...about);
    expect(await look()).toBeUndefined();
    expect(own.state().problem ?? undefined).toEqual(problem === undefined ? undefined : expect.stringContaining(problem));
    expect(problems).toHaveLength(problem === undefined ? 0 : 1);
    expect((await readPointer(places)).version).toBe(VERSION);
  });
  async function failedBefore(version: string): Promise<void> {
    await offer(version);
    await writePointer(places, {
      ...(await readPointer(places)),
      failed: { version, why: "it is failed", at: "2026-12-01T12:00:00.000Z" },
    });
  }
});

describe("a version on trial under a service", () => {
  let places: InstallationPlaces;
  const FIRST = { version: "1.0.0", previous: null, state: "kept", starts: 0, failed: null } as const;
  const GOOD = { hasRegistered: true, isReady: true, failed_builds: ["a"] };
  beforeEach(async () => {
    places = installationPlaces(await mkdtemp(path.join(tmpdir(), "umbel-trial-")));
    for (const version of ["0.9.0", "1.0.0", "1.1.0"]) await writeBundle(path.join(places.versions, version), version);
    await writePointer(places, FIRST);
  });
  afterEach(() => rm(places.root, { recursive: true }));

  async function trial(connected = true) {
    const { publicJwk } = await generateDeviceKey();
    await putOnTrial(places, "1.1.0", { connected, failed_builds: ["a"], nextKeys: [publicJwk] });
    const found = await trialOf(places, "1.1.0");
    if (found === undefined) throw new Error("it is on no trial");
    return found;
  }

  it("is kept when it does what the one before did, with what came with it", async () => {
    const { judge, keep, within_ms } = await trial();
    expect([within_ms, judge(GOOD)]).toEqual([5 * MINUTE_ms, undefined]);
    await keep();
    expect(await readPointer(places)).toEqual({ ...FIRST, version: "1.1.0", previous: "1.0.0" });
    expect(JSON.parse(await readFile(places.keys, "utf8")).keys).toHaveLength(1);
    expect((await stat(places.commands.shell)).mode & 0o111).not.toBe(0);
    await expect(stat(path.join(places.versions, "0.9.0"))).rejects.toThrow("ENOENT");
    expect(await trialOf(places, "1.1.0")).toBeUndefined();
  });

  it.each<[string, boolean, object, string | undefined]>([
    ["does not get registered", true, { hasRegistered: false }, "it did not get registered with the coordinator"],
    ["does not come up", true, { hasRegistered: false, isReady: false }, "it did not come up in time"],
    ["loads less", true, { failed_builds: ["a", "b"] }, "it could not load b"],
    ["does not reach what was not reached before", false, { hasRegistered: false }, undefined],
  ])("is judged when it %s", async (_, connected, change, why) => {
    expect((await trial(connected)).judge({ ...GOOD, ...change })).toBe(why);
  });

  it("makes way for the one before, which does not try it again", async () => {
    await (await trial()).goBack("it is broken", new Date("2026-12-01T12:00:00Z"));
    expect(await readPointer(places)).toEqual({
      ...FIRST,
      failed: { version: "1.1.0", why: "it is broken", at: "2026-12-01T12:00:00.000Z" },
    });
    expect(await trialOf(places, "1.1.0")).toBeUndefined();
    expect(await trialOf(places, "1.0.0")).toBeUndefined();
  });
});

describe("the setting", () => {
  let file: string;
  beforeEach(async () => {
    file = path.join(await mkdtemp(path.join(tmpdir(), "umbel-setting-")), "provider.toml");
  });
  afterEach(() => rm(path.dirname(file), { recursive: true }));

  it.each([
    ["", "[provider]\nauto_update = false\n"],
    ["# mine\n[guest]\ngrace_seconds = 5", "# mine\n[guest]\ngrace_seconds = 5\n\n[provider]\nauto_update = false\n"],
    ["[provider] # here\n# a word\n[guest]\n", "[provider] # here\nauto_update = false\n# a word\n[guest]\n"],
    ["[provider]\nauto_update   = true # why\n", "[provider]\nauto_update   = false # why\n"],
    ['[guest]\nauto_update = 1\n[provider]\nauto_update = "yes"\n', "[guest]\nauto_update = 1\n[provider]\nauto_update = false\n"],
  ])("is written into %j and leaves the rest", async (before, after) => {
    if (before !== "") await writeFile(file, before);
    await writeSetting(file, "provider.auto_update", false);
    expect(await readFile(file, "utf8")).toBe(after);
    if (before !== "") expect(await readFile(`${file}.bak`, "utf8")).toBe(before);
  });

  it("is not written into what is broken, or written otherwise", async () => {
    for (const text of ["[provider\n", "provider = { auto_update = true }\n", "provider.auto_update = true\n"]) {
      await writeFile(file, text);
      await expect(writeSetting(file, "provider.auto_update", false)).rejects.toMatchObject({ exitCode: 3 });
      expect(await readFile(file, "utf8")).toBe(text);
    }
  });
});

describe("the line about a newer release", () => {
  afterEach(() => vi.unstubAllGlobals());
  const offered = {
    ...{ version: "99.1.0", platform: "linux-x64", channel: "stable", url: "https://files.example/umbel.tar.gz", signature: null },
    ...{ bundle_hash: "ab".repeat(32), binary_hash: "cd".repeat(32), changelog: "", rollout: 100, active: true },
    created_at: "2026-12-01T12:00:00.000Z",
  };
  const notice = (status: number, body: object) => {
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body), { status }));
    return updateNotice({ home: "/nonexistent" });
  };

  it("is there only when there is one, whatever else happens", async () => {
    expect(await notice(200, offered)).toContain("Umbel 99.1.0 is offered");
    expect(await notice(200, { ...offered, version: VERSION })).toBeUndefined();
    expect(await notice(404, {})).toBeUndefined();
    expect(await notice(500, { nonsense: true })).toBeUndefined();
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
    expect(await updateNotice({ home: "/nonexistent" })).toBeUndefined();
  });

  it.each([
    [true, {}, true, true],
    [false, {}, false, true],
    [false, { UMBEL_NO_UPDATE_CHECK: "1" }, true, true],
    [false, {}, true, false],
  ])("is shown: %s, with %j", (isShown, env, isTerminal, isText) => {
    expect(wantsNotice({ json: !isText }, env, isTerminal)).toBe(isShown);
  });
});
