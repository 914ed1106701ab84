import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBundleCheck } from "../../catalog/index.js";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const RELEASE_KEY = "a-release-key-that-is-long-enough";
const ARCHIVE = "an archive";
const HASH = createHash("sha256").update(ARCHIVE).digest("hex");

describe("releases of the provider program", () => {
  let test: TestCoordinator;
  let files: Server;
  let origin: string;
  beforeAll(async () => {
    files = createServer((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: "/archive" }).end();
      else response.writeHead(request.url === "/archive" ? 200 : 404).end(ARCHIVE);
    });
    await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, releaseKey: RELEASE_KEY, runtimeCheck: "enforce" });
  });
  afterAll(async () => {
    await test.close();
    files.close();
  });

  async function ask(method: string, pathname: string, body?: unknown, token = RELEASE_KEY) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${test.url}/v1/${pathname}`, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }
  const release = (version: string, change: object = {}) => ({
    version,
    platform: "linux-x64",
    url: `${origin}/archive`,
    bundle_hash: HASH.toUpperCase(),
    binary_hash: "ab".repeat(32),
    ...change,
  });
  const register = (version: string, change: object = {}) => ask("POST", "releases", release(version, change));
  const latest = async (query = "") => (await test.get(`/v1/releases/latest?platform=linux-x64${query}`)).body as { version?: string };

  it("are offered by their order, to each channel and each machine in its turn, until they are withdrawn", async () => {
    expect((await test.get("/v1/releases/latest?platform=linux-x64")).status).toBe(404);
    const first = await register("1.9.0", { changelog: "First." });
    expect(first).toMatchObject({
      status: 200,
      body: { status: "release_registered", release: { bundle_hash: HASH, signature: null, active: true } },
    });
    await register("1.10.0");
    await register("1.10.1-rc.1", { channel: "beta" });
    expect([(await latest()).version, (await latest("&channel=beta")).version]).toEqual(["1.10.0", "1.10.1-rc.1"]);

    await register("1.11.0", { rollout: 30 });
    const devices = Array.from({ length: 20 }, (_, index) => `device-${index}`);
    const versions = await Promise.all(devices.map(async (device) => (await latest(`&device=${device}`)).version));
    expect(new Set(versions)).toEqual(new Set(["1.10.0", "1.11.0"]));
    expect((await latest()).version).toBe("1.10.0");

    expect((await test.get("/api/version?platform=linux-x64")).body).toEqual({
      ...{ version: "1.10.0", platform: "linux-x64", backend: "llama.cpp", changelog: "", download_url: `${origin}/archive` },
      ...{ binary_hash: "ab".repeat(32), bundle_hash: HASH },
    });
    expect((await test.get("/api/version?platform=plan9")).status).toBe(404);
    const manifest = async () => (await test.get("/v1/runtime/manifest")).body;
    const versions_offered = ["1.10.0", "1.10.1-rc.1", "1.11.0", "1.9.0"];
    expect(await manifest()).toEqual({
      configured: true,
      binary_hashes: { "linux-x64": ["ab".repeat(32)] },
      versions: { "linux-x64": versions_offered },
    });
    const page = (await ask("GET", "admin/releases?limit=2", undefined, ADMIN_KEY)).body;
    expect([page["data"], page["next"]]).toMatchObject([[{ version: "1.10.0" }, { version: "1.10.1-rc.1" }], "1.10.1-rc.1 linux-x64"]);

    const withdraw = (version: string, token = ADMIN_KEY) => ask("DELETE", "admin/releases", { version, platform: "linux-x64" }, token);
    expect((await withdraw("1.10.0", RELEASE_KEY)).status).toBe(403);
    expect((await withdraw("1.10.0")).status).toBe(200);
    expect((await latest()).version).toBe("1.9.0");
    expect(await manifest()).toMatchObject({ versions: { "linux-x64": versions_offered.slice(1) } });
    expect((await withdraw("9.9.9")).status).toBe(404);
    const { body } = await ask("GET", "admin/audit?target=1.10.0%20linux-x64", undefined, ADMIN_KEY);
    expect(body["data"]).toMatchObject([{ action: "release.withdraw" }, { action: "release.register" }]);
    expect((await ask("GET", "admin/releases", undefined, ADMIN_KEY)).body["data"]).toHaveLength(4);
  });

  it("are not withdrawn under machines that run them and would get no requests, unless that is meant", async () => {
    const ask409 = (change: object) => ask("DELETE", "admin/releases", { version: "5.0.0", platform: "linux-x64", ...change }, ADMIN_KEY);
    const hash = "cd".repeat(32);
    await register("5.0.0", { binary_hash: hash });
    await test.provider({ runtimeHash: hash });
    expect(await ask409({})).toMatchObject({ status: 409, body: { error: { code: "release_in_use", param: "version" } } });
    // What is offered under another version, too, goes on.
    await register("5.0.1", { binary_hash: hash });
    expect((await ask409({})).status).toBe(200);
    expect(await ask409({ version: "5.0.1" })).toMatchObject({ status: 409 });
    expect((await ask409({ version: "5.0.1", force: true })).status).toBe(200);
  });

  it.each([
    ["version", { version: "1.2" }],
    ["platform", { platform: "Linux" }],
    ["url", { url: "http://elsewhere.example/archive" }],
    ["bundle_hash", { bundle_hash: "ab" }],
    ["rollout", { rollout: 101 }],
    ["url", { bundle_hash: "00".repeat(32) }],
    ["extra", { extra: true }],
  ])("are refused for their %s: %j", async (param, change) => {
    expect(await register("2.0.0", change)).toMatchObject({ status: 400, body: { error: { param } } });
  });

  it("are fetched from where they are said to be, without a redirect and up to a size", async () => {
    expect(await register("2.0.0", { url: `${origin}/moved` })).toMatchObject({ status: 400, body: { error: { param: "url" } } });
    expect(await register("2.0.0", { url: `${origin}/absent` })).toMatchObject({
      body: { error: { message: expect.stringContaining("404") } },
    });
    const check = (bytes_max: number) => createBundleCheck({ bytes_max, fetch_ms: 5_000 })({ url: `${origin}/archive`, bundleHash: HASH });
    expect([await check(ARCHIVE.length), await check(ARCHIVE.length - 1)]).toEqual([undefined, expect.stringContaining("more than")]);
  });

  it("are registered by the release key or an operator, and by nobody else", async () => {
    expect((await ask("POST", "releases", release("3.0.0"), ADMIN_KEY)).status).toBe(200);
    expect((await ask("POST", "releases", release("3.0.1"), await test.key())).status).toBe(403);
    expect((await ask("GET", "admin/releases")).status).toBe(403);
  });
});
