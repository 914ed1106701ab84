import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type CatalogKeys,
  type DeviceKeyPair,
  deviceThumbprint,
  generateDeviceKey,
  type ReleaseClaims,
  type ReleaseRecord,
  signClaims,
} from "@umbel/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSettings } from "../../config/index.js";
import { installRoutes } from "./install-routes.js";
import { installScript } from "./install-script.js";

const PLATFORM = `${process.platform}-${process.arch}`;
const CLAIMS: ReleaseClaims = {
  ...{ version: "1.2.0", platform: PLATFORM, channel: "stable" },
  ...{ bundle_sha256: "ab".repeat(32), bundle_bytes: 10, files_sha256: "cd".repeat(32), file_count: 2, unpacked_bytes: 30 },
  ...{ brings_node: true, next_keys: [], signed_at: "2026-12-01T12:00:00.000Z" },
};

async function named(...pairs: readonly DeviceKeyPair[]): Promise<CatalogKeys> {
  return { keys: await Promise.all(pairs.map(async ({ publicJwk: jwk }) => ({ kid: await deviceThumbprint(jwk), jwk }))) };
}

describe("what is written into the scripts", async () => {
  const keys = await named(await generateDeviceKey());
  const served = async (env: Record<string, string>, signers: readonly CatalogKeys[] = [keys]) => {
    const [route] = installRoutes({ settings: loadSettings({ env }), releaseSigners: signers[0] });
    const reply = { header: () => reply, type: () => reply, send: (text: string) => text };
    const request = { headers: { host: "evil.example" }, socket: { localPort: 4711 } };
    return route?.handle(request as never, reply as never);
  };

  it("is the address of the configuration, or this machine's own, and never what a request says", async () => {
    expect(await served({ UMBEL_PUBLIC_URL: "https://umbel.example" })).toContain("BASE_URL='https://umbel.example'");
    expect(await served({})).toContain("BASE_URL='http://127.0.0.1:4711'");
    await expect(served({ UMBEL_HOST: "0.0.0.0" })).rejects.toThrow("UMBEL_PUBLIC_URL");
    await expect(served({}, [])).rejects.toThrow("UMBEL_RELEASE_SIGNERS");
  });

  it.each(["https://a.example'; rm -rf ~", "https://a.example/path", "file:///etc", "https://$(id).example"])("is never %s", (origin) => {
    expect(() => installScript("install.sh", origin, keys)).toThrow(RangeError);
  });

  it("leaves nothing open", () => {
    for (const name of ["install.sh", "install.ps1"] as const)
      expect(installScript(name, "https://a.example", keys)).not.toContain("__UMBEL");
  });
});

describe.skipIf(process.platform === "win32")("install.sh", () => {
  let folder: string;
  let server: Server;
  let origin: string;
  let key: DeviceKeyPair;
  let other: DeviceKeyPair;
  let offered: object;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "umbel-install-"));
    [key, other] = await Promise.all([generateDeviceKey(), generateDeviceKey()]);
    server = createServer((_request, response) => response.end(JSON.stringify(offered)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(path.join(folder, "install.sh"), installScript("install.sh", origin, await named(other, key)));
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function record(change: Partial<ReleaseRecord> = {}, claims: Partial<ReleaseClaims> = {}, by = key): Promise<object> {
    return {
      ...{ version: "1.2.0", platform: PLATFORM, channel: "stable", url: `${origin}/archive`, bundle_hash: "ab".repeat(32) },
      ...{ binary_hash: "cd".repeat(32), signature: await signClaims(by, "release", { ...CLAIMS, ...claims }) },
      ...{ changelog: 'Now with \\"signature\\":\\"none\\".', rollout: 100, active: true, created_at: CLAIMS.signed_at, ...change },
    };
  }
  async function dryRun(
    args: readonly string[] = [],
    { shell = ["sh"], env = {} }: { readonly shell?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
  ) {
    const [file = "sh", ...rest] = shell;
    const command = [...rest, path.join(folder, "install.sh"), "--dry-run", "--prefix", path.join(folder, "app"), ...args];
    return new Promise<{ readonly status: number; readonly said: string }>((resolve) => {
      execFile(file, command, { env: { ...process.env, HOME: folder, ...env } }, (error, _stdout, said) => {
        resolve({ status: error === null ? 0 : Number(error.code), said });
      });
    });
  }

  it("believes what a key in it signed, whatever shell runs it", async () => {
    offered = await record();
    const words = `Umbel 1.2.0 for ${PLATFORM}, signed by ${await deviceThumbprint(key.publicJwk)}.`;
    const shells = [["dash"], ["bash"], ["busybox", "sh"], ["zsh"]].filter(
      ([file = ""]) => spawnSync(file, ["-c", ":"]).error === undefined,
    );
    expect(shells.length).toBeGreaterThan(0);
    for (const shell of shells) {
      expect(await dryRun([], { shell })).toEqual({ status: 0, said: expect.stringContaining(words) });
    }
  });

  it("checks with Node where there is no openssl", async () => {
    const tools = path.join(folder, "tools");
    mkdirSync(tools);
    const names = [
      "sh",
      "curl",
      "tar",
      "mktemp",
      "sed",
      "tr",
      "od",
      "grep",
      "uname",
      "wc",
      "cut",
      "cat",
      "head",
      "rm",
      "rmdir",
      "sha256sum",
    ];
    for (const name of [...names, "shasum"]) {
      const { stdout } = spawnSync("which", [name], { encoding: "utf8" });
      if (stdout !== "") symlinkSync(stdout.trim(), path.join(tools, name));
    }
    symlinkSync(process.execPath, path.join(tools, "node"));
    offered = await record();
    expect(await dryRun([], { env: { PATH: tools } })).toMatchObject({ status: 0, said: expect.stringContaining("Would fetch") });
    offered = await record({}, {}, await generateDeviceKey());
    expect(await dryRun([], { env: { PATH: tools } })).toMatchObject({
      status: 7,
      said: expect.stringContaining("is not signed by a key"),
    });
  });

  it.each<[string, () => Promise<object>, string]>([
    ["by somebody else", async () => record({}, {}, await generateDeviceKey()), "is not signed by a key that this installer knows"],
    ["by nobody", () => record({ signature: null }), "is not signed."],
    [
      "with another signature",
      async () => record({ signature: `${await signature({ version: "9.9.9" }, -20)}` }),
      "is not signed by a key",
    ],
    ["for another platform", () => record({}, { platform: "plan9-mips" }), "another release than was asked for"],
    ["for another channel", () => record({}, { channel: "beta" }), "another release than was asked for"],
    ["as something else", async () => record({ signature: await manifestSignature() }), "What is signed is no release."],
    ["and lies at an address without protection", () => record({ url: "http://files.example/archive" }), "is not safe"],
  ])("refuses a release that is signed %s", async (_, make, words) => {
    offered = await make();
    expect(await dryRun()).toEqual({ status: 7, said: expect.stringContaining(words) });
  });

  /** Of other claims, the end of it cut off and put back from the right one. */
  async function signature(claims: Partial<ReleaseClaims>, tail: number): Promise<string> {
    const [mine, right] = await Promise.all([signClaims(key, "release", { ...CLAIMS, ...claims }), signClaims(key, "release", CLAIMS)]);
    return mine.slice(0, tail) + right.slice(tail);
  }
  async function manifestSignature(): Promise<string> {
    const claims = { model_id: "a", version: "1", aggregate_sha256: "ab".repeat(32), manifest_sha256: "ab".repeat(32) };
    return signClaims(key, "manifest", { ...claims, signed_at: CLAIMS.signed_at });
  }

  it("goes by a fingerprint, or by keys, that were got elsewhere", async () => {
    offered = await record();
    const kid = await deviceThumbprint(other.publicJwk);
    expect(await dryRun(["--key-id", kid])).toMatchObject({ status: 7, said: expect.stringContaining(`and not by ${kid}`) });
    const file = path.join(folder, "keys.json");
    writeFileSync(file, JSON.stringify(await named(other), undefined, 2));
    expect(await dryRun(["--release-key", file])).toMatchObject({ status: 7 });
    writeFileSync(file, JSON.stringify(await named(key), undefined, 2));
    expect(await dryRun(["--release-key", file])).toMatchObject({ status: 0 });
  });

  it.each([
    [["--prefix", "/tmp/$(id)"], "a character that shells read as something else"],
    [["--channel", "nightly"], "no channel nightly"],
    [["--version", "1;2"], "is no version"],
    [["--what"], "no option --what"],
  ])("refuses %j", async (args, words) => {
    expect(await dryRun(args)).toEqual({ status: 2, said: expect.stringContaining(words) });
  });

  it.skipIf(spawnSync("shellcheck", ["--version"]).error !== undefined)("is what shellcheck has nothing to say about", () => {
    expect(execFileSync("shellcheck", [path.join(folder, "install.sh")], { encoding: "utf8" })).toBe("");
    expect(readFileSync(path.join(folder, "install.sh"), "utf8")).not.toMatch(/shellcheck disable/);
  });
});
