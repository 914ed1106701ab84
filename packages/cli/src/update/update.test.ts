import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DeviceKeyPair, generateDeviceKey, type ReleaseClaims, type ReleaseRecord, signClaims, verifyClaims } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import * as tar from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packRelease } from "../releases/pack-release.js";
import { readBundleFiles } from "./bundle-files.js";
import { finishInstallation, prepareInstallation } from "./install-into.js";
import { ownInstallation, ownRuntimeHash } from "./installation.js";
import { COMPILED, ENTRY, type InstallationPlaces, installationPlaces, OWN_NODE, PLATFORM } from "./layout.js";
import { signedRelease } from "./offered-release.js";
import { readPointer, writePointer } from "./pointer.js";
import { adoptUnpacked, removeOtherVersions, stageRelease } from "./stage-release.js";
import { switchVersion } from "./switch-version.js";
import { startFileServer, writeBundle } from "./testing/bundle.js";
import { unpackRelease } from "./unpack.js";

const NOW = new Date("2026-12-01T12:00:00Z");

describe("a release", () => {
  let folder: string;
  let key: DeviceKeyPair;
  let places: InstallationPlaces;
  let files: Awaited<ReturnType<typeof startFileServer>>;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "umbel-update-"));
    [key, places, files] = await Promise.all([
      generateDeviceKey(),
      prepareInstallation(path.join(folder, "install")),
      startFileServer(folder),
    ]);
  });
  afterEach(async () => {
    files.close();
    await rm(folder, { recursive: true });
  });

  /** Packs a version and returns what was signed of it. */
  async function pack(version: string, program?: string): Promise<{ readonly archive: string; readonly claims: ReleaseClaims }> {
    const bundle = path.join(folder, `bundle-${version}`);
    await writeBundle(bundle, version, program);
    const archive = path.join(folder, `${version}.tar.gz`);
    const packed = await packRelease(bundle, { archive, platform: "linux-x64", channel: "stable", key, nextKeys: [], at: NOW });
    return { archive, claims: await verifyClaims(key.publicJwk, "release", packed.signature) };
  }
  async function stage(version: string, program?: string): Promise<void> {
    const { claims } = await pack(version, program);
    await stageRelease(places, claims, { url: `${files.url}/${version}.tar.gz`, ...about() });
  }
  const about = () => ({ clock: systemClock, signal: new AbortController().signal, onProgress: () => undefined });
  const run = (...args: string[]) => execFileSync(process.execPath, [places.launcher, ...args], { encoding: "utf8" }).trim();

  it("has the same bytes whenever it is packed from the same files", async () => {
    const [first, second] = [(await pack("1.0.0")).claims, (await pack("1.0.0")).claims];
    expect(first).toEqual(second);
    expect(first).toMatchObject({ version: "1.0.0", file_count: 3, next_keys: [] });
  });

  it("is known by the hash of its files while it runs, whatever Node keeps of it, and no more once one is changed", async () => {
    const { claims } = await pack("1.0.0");
    await stageRelease(places, claims, { url: `${files.url}/1.0.0.tar.gz`, ...about() });
    await finishInstallation(places, "1.0.0", [key.publicJwk]);
    const version = path.join(places.versions, "1.0.0");
    const hash = () => ownRuntimeHash(`file://${version}/node_modules/@umbel/cli/dist/update/installation.js`);
    await mkdir(path.join(version, COMPILED), { recursive: true });
    await writeFile(path.join(version, COMPILED, "cache"), "compiled");
    expect(await hash()).toBe(claims.files_sha256);
    await appendFile(path.join(version, ENTRY), "//");
    expect(await hash()).not.toBe(claims.files_sha256);
  });

  it("is fetched, checked and put beside what runs; the launcher starts what the pointer names", async () => {
    await stage("1.0.0");
    await finishInstallation(places, "1.0.0", [key.publicJwk]);
    expect(run()).toBe("1.0.0");
    expect(execFileSync(path.join(places.root, "bin", "umbel"), { encoding: "utf8" }).trim()).toBe("1.0.0");
    await stage("1.1.0");
    expect(run()).toBe("1.0.0");
    expect(await switchVersion(places, "1.1.0", { startAgain: undefined, now: () => NOW })).toEqual({ kind: "next_start" });
    expect(run()).toBe("1.1.0");
    expect((await readdir(places.root)).sort()).toEqual([".staging", "bin", "current.json", "release-keys.json", "umbel.mjs", "versions"]);
    expect(await readdir(places.staging)).toEqual([]);
    await removeOtherVersions(places, ["1.1.0", null]);
    expect(await readdir(places.versions)).toEqual(["1.1.0"]);
    expect(ownInstallation(`file://${places.versions}/1.1.0/node_modules/@umbel/cli/dist/update/installation.js`)).toEqual(places);
    expect(ownInstallation()).toBeUndefined();
    expect(await ownRuntimeHash()).toBeUndefined();
    await expect(prepareInstallation(places.root)).rejects.toThrow("is not empty");
  });

  it("runs on the Node that it brings, as long as it is the one that runs", async () => {
    const bringing = path.join(folder, "bundle-1.0.0");
    await writeBundle(bringing, "1.0.0", "console.log(process.env.ITS_NODE ?? '1.0.0');");
    await mkdir(path.join(bringing, "runtime"));
    await writeFile(path.join(bringing, OWN_NODE), `#!/bin/sh\nITS_NODE=1.0.0-own exec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    const archive = path.join(folder, "1.0.0.tar.gz");
    const packed = await packRelease(bringing, { archive, platform: "linux-x64", channel: "stable", key, nextKeys: [], at: NOW });
    const claims = await verifyClaims(key.publicJwk, "release", packed.signature);
    expect(claims.brings_node).toBe(true);
    const unpacked = path.join(places.root, ".install-1");
    await mkdir(unpacked);
    await tar.extract({ file: archive, cwd: unpacked });
    await expect(adoptUnpacked(places, { ...claims, file_count: 9 }, unpacked)).rejects.toMatchObject({ exitCode: 7 });
    await expect(adoptUnpacked(places, claims, unpacked)).rejects.toThrow("calls itself 1.0.0-own");
    await writeFile(path.join(unpacked, OWN_NODE), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
    const { paths, ...files } = await readBundleFiles(unpacked);
    expect(paths).toContain(OWN_NODE);
    await adoptUnpacked(places, { ...claims, ...files }, unpacked);
    await finishInstallation(places, "1.0.0", [key.publicJwk]);
    const command = () => execFileSync(places.commands.shell, { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } }).trim();
    expect(command()).toBe("1.0.0");
    await writeFile(path.join(places.versions, "1.0.0", OWN_NODE), "#!/bin/sh\necho its own\n");
    expect(command()).toBe("its own");
  });

  it("is refused with another archive than was signed, and with one that does not run", async () => {
    const { archive, claims } = await pack("1.0.0");
    const url = `${files.url}/1.0.0.tar.gz`;
    const bytes = await readFile(archive);
    await writeFile(archive, bytes.fill(0, bytes.length - 20, bytes.length - 10));
    await expect(stageRelease(places, claims, { url, ...about() })).rejects.toMatchObject({ exitCode: 7 });
    await appendFile(archive, "more");
    await expect(stageRelease(places, claims, { url, ...about() })).rejects.toMatchObject({ exitCode: 7 });
    await expect(stage("1.1.0", "process.exit(1);")).rejects.toThrow("does not start on this machine; nothing was changed");
    await expect(stage("1.2.0", 'console.log("9.9.9");')).rejects.toThrow("calls itself 9.9.9");
    expect(existsSync(places.versions)).toBe(false);
  });

  it("is taken from nobody but whoever the installation takes releases from", async () => {
    const { archive, claims } = await pack("1.0.0");
    const signature = await signClaims(key, "release", { ...claims, platform: PLATFORM });
    const record: ReleaseRecord = {
      ...{ version: "1.0.0", platform: PLATFORM, channel: "stable", url: archive, signature, changelog: "", rollout: 100, active: true },
      ...{ bundle_hash: claims.bundle_sha256, binary_hash: claims.files_sha256, created_at: NOW.toISOString() },
    };
    expect(await signedRelease([key.publicJwk], record)).toMatchObject({ version: "1.0.0" });
    const { publicJwk } = await generateDeviceKey();
    await expect(signedRelease([publicJwk], record)).rejects.toMatchObject({
      exitCode: 7,
      message: expect.stringContaining("nothing was fetched"),
    });
    await expect(signedRelease([key.publicJwk], { ...record, version: "1.0.1" })).rejects.toThrow(
      "a signature that does not fit it (claims)",
    );
  });

  it("is put together from plain files only", async () => {
    await writeBundle(path.join(folder, "bundle-1.0.0"), "1.0.0");
    await symlink("/etc/passwd", path.join(folder, "bundle-1.0.0", "link"));
    await expect(pack("1.0.0")).rejects.toThrow("link is neither a file nor a folder");
    await mkdir(path.join(folder, "empty"));
    const options = { archive: path.join(folder, "x"), platform: "p", channel: "stable", key, nextKeys: [], at: NOW };
    await expect(packRelease(path.join(folder, "empty"), options)).rejects.toThrow("does not hold the program");
  });

  it("holds nothing but what was signed, whatever its archive holds", async () => {
    const { claims } = await pack("1.0.0");
    const bundle = path.join(folder, "bundle-1.0.0");
    const attempts: [string, string[], RegExp][] = [
      ["more", ["node_modules", "extra"], /more than was signed/],
      ["fewer", [ENTRY], /not those that were signed/],
      ["link", ["node_modules", "link"], /link is neither a file nor a folder/],
    ];
    for (const [name, paths, words] of attempts) {
      if (name === "more") await writeFile(path.join(bundle, "extra"), "x".repeat(10_000));
      if (name === "link") await symlink("/etc/passwd", path.join(bundle, "link"));
      const archive = path.join(folder, `${name}.tar.gz`);
      await tar.create({ cwd: bundle, file: archive, gzip: true }, paths);
      const into = path.join(folder, `into-${name}`);
      await mkdir(into);
      await expect(unpackRelease(archive, into, claims)).rejects.toThrow(words);
      await rm(path.join(bundle, "extra"), { force: true });
    }
    const archive = path.join(folder, "outside.tar.gz");
    await mkdir(path.join(folder, "in"));
    await writeFile(path.join(folder, "outside"), "x");
    await tar.create({ cwd: path.join(folder, "in"), file: archive, gzip: true, preservePaths: true }, ["../outside"]);
    await expect(unpackRelease(archive, path.join(folder, "in"), claims)).rejects.toThrow(/would leave the folder/);
  });
});

describe("switching versions", () => {
  let places: InstallationPlaces;
  const FIRST = { version: "1.0.0", previous: null, state: "kept", starts: 0, failed: null } as const;
  beforeEach(async () => {
    places = installationPlaces(await mkdtemp(path.join(tmpdir(), "umbel-switch-")));
    await writePointer(places, FIRST);
  });
  afterEach(() => rm(places.root, { recursive: true }));

  it("keeps a version that comes up", async () => {
    const seen: string[] = [];
    const startAgain = async (version: string) => {
      seen.push(`${version} ${(await readPointer(places)).state}`);
      return undefined;
    };
    expect(await switchVersion(places, "1.1.0", { startAgain, now: () => NOW })).toEqual({ kind: "kept" });
    expect(seen).toEqual(["1.1.0 trying"]);
    expect(await readPointer(places)).toEqual({ ...FIRST, version: "1.1.0", previous: "1.0.0" });
  });

  it("puts the version before back where it does not, and says so where that fails, too", async () => {
    const startAgain = async (version: string) => (version === "1.1.0" ? "it is failed" : undefined);
    const failed = { version: "1.1.0", why: "it is failed", at: NOW.toISOString() };
    expect(await switchVersion(places, "1.1.0", { startAgain, now: () => NOW })).toEqual({
      ...{ kind: "rolled_back", why: "it is failed", stillDown: undefined },
    });
    expect(await readPointer(places)).toEqual({ ...FIRST, failed: { ...failed, at: "2026-12-01T12:00:00.000Z" } });
    const never = async (version: string) => `no ${version}`;
    expect(await switchVersion(places, "1.1.0", { startAgain: never, now: () => NOW })).toMatchObject({ stillDown: "no 1.0.0" });
  });

  it("is undone by the launcher where a version is started again and again and nobody looks on", async () => {
    for (const version of ["1.0.0", "1.1.0"]) await writeBundle(path.join(places.versions, version), version);
    await finishInstallation(places, "1.0.0", []);
    await writePointer(places, { ...FIRST, version: "1.1.0", previous: "1.0.0", state: "trying" });
    const start = (...args: string[]) =>
      spawnSync(process.execPath, [places.launcher, "provider", ...args], { encoding: "utf8" }).stdout.trim();
    // Other commands are no tries.
    for (let times = 0; times < 4; times++) expect(start("status")).toBe("1.1.0");
    const versions = Array.from({ length: 5 }, () => start("start", "--foreground"));
    expect(versions).toEqual(["1.1.0", "1.1.0", "1.1.0", "1.0.0", "1.0.0"]);
    expect(await readPointer(places)).toMatchObject({ version: "1.0.0", previous: null, state: "kept", failed: { version: "1.1.0" } });
  });

  it("is undone by the launcher where a version stands still, and by nobody where it takes its time", async () => {
    const tried = async (name: string, program: string, silence_s: number) => {
      const own = installationPlaces(path.join(places.root, name));
      await writeBundle(path.join(own.versions, "1.0.0"), "1.0.0");
      await writeBundle(path.join(own.versions, "1.1.0"), "1.1.0", program);
      await finishInstallation(own, "1.0.0", []);
      await writePointer(own, { ...FIRST, version: "1.1.0", previous: "1.0.0", state: "trying" });
      const env = { ...process.env, UMBEL_TRIAL_SILENCE_S: String(silence_s) };
      const child = spawn(process.execPath, [own.launcher, "provider", "start", "--foreground"], { env, stdio: "ignore" });
      const [code, signal] = await once(child, "exit");
      return { code, signal, pointer: await readPointer(own) };
    };
    const [still, slow] = await Promise.all([tried("still", "for (;;) {}", 1), tried("slow", "setTimeout(() => undefined, 3_500);", 3)]);
    expect(still).toMatchObject({
      signal: "SIGKILL",
      pointer: { version: "1.0.0", state: "kept", failed: { why: "it stood still for 1 s" } },
    });
    expect(slow).toMatchObject({ code: 0, pointer: { version: "1.1.0", state: "trying", starts: 1 } });
  });

  it("is not left to a pointer that says nothing", async () => {
    await writeBundle(path.join(places.versions, "1.0.0"), "1.0.0");
    await finishInstallation(places, "1.0.0", []);
    await writeFile(places.pointer, '{"version": "../elsewhere"}');
    expect(spawnSync(process.execPath, [places.launcher], { encoding: "utf8" })).toMatchObject({
      ...{ status: 3, stderr: expect.stringContaining("does not say which version to run") },
    });
    await expect(readPointer(places)).rejects.toMatchObject({ exitCode: 3 });
  });
});
