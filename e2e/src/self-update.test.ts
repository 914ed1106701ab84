/** Releases that are really made, signed, offered by a coordinator, fetched, run, and given up when they do not come up. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNetwork, type TestNetwork, temporaryHome, UMBEL } from "./harness/index.js";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");

let network: TestNetwork;
let files: Server;
let origin: string;
let install: string;
let key: string;
/** What a thief of the file server would hand out. */
let isTampered = false;
const secrets = temporaryHome();

beforeAll(async () => {
  key = path.join(secrets.path, "release-key.pem");
  await checkout("admin", "releases", "key", key);
  network = await startNetwork({ UMBEL_RELEASE_SIGNERS: `${key}.pub.json` });
  files = createServer((request, response) => {
    const file = path.join(network.home, path.basename(request.url ?? ""));
    if (existsSync(file)) response.end(isTampered ? readFileSync(file).fill(0, 100, 110) : readFileSync(file));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  install = path.join(network.home, "app");
  // What the program leans on is not in these small releases.
  symlinkSync(path.join(REPOSITORY, "node_modules"), path.join(network.home, "node_modules"));
  writeFileSync(path.join(network.home, "provider.toml"), `[coordinator]\nurl = "${network.url}"\n`);
});
afterAll(async () => {
  // Where a test has failed before it was stopped.
  await installed("provider", "stop", "--now");
  files.close();
  await network.close();
  secrets.remove();
});

/** Beside this process, which hands out the archives. */
async function umbel(program: string, ...args: string[]) {
  const env = { ...process.env, UMBEL_PROVIDER_ON_BATTERY: "serve", ...(network && { UMBEL_BASE_URL: `${network.url}/v1` }) };
  const isAtHome = args[0] === "provider" || args.includes("register");
  const child = spawn(process.execPath, [program, ...args, ...(isAtHome ? ["--home", network.home] : []), "--json"], {
    ...{ env, stdio: ["ignore", "pipe", "pipe"] },
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { status, stderr, result: stdout === "" ? undefined : JSON.parse(stdout) };
}
const checkout = (...args: string[]) => umbel(UMBEL, ...args);
const installed = (...args: string[]) => umbel(path.join(install, "umbel.mjs"), ...args);

/** This very program under another version, with what it leans on found where the checkout has it; `spoiled` dies at every start. */
async function pack(version: string, { spoiled = false, bringsNode = false } = {}): Promise<void> {
  const bundle = path.join(network.home, `bundle-${version}`);
  const modules = path.join(bundle, "node_modules/@umbel");
  const cli = path.join(modules, "cli");
  for (const part of ["cli/bin", "cli/bundle", "cli/package.json", "provider/bundle", "provider/package.json"]) {
    cpSync(path.join(REPOSITORY, "packages", part), path.join(modules, part), { recursive: true });
  }
  const manifest = JSON.parse(readFileSync(path.join(cli, "package.json"), "utf8"));
  writeFileSync(path.join(cli, "package.json"), JSON.stringify({ ...manifest, version }));
  if (spoiled) {
    const program = 'if (process.argv.includes("start")) throw new Error("spoiled");\nawait import("../bundle/main.js");\n';
    writeFileSync(path.join(cli, "bin/umbel.js"), program);
  }
  if (bringsNode) {
    mkdirSync(path.join(bundle, "runtime"));
    // A whole Node would be a hundred megabytes to pack.
    writeFileSync(path.join(bundle, "runtime/node"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  }
  await checkout("admin", "releases", "pack", bundle, "--key", key, "--out", archiveOf(version));
}
const archiveOf = (version: string) => path.join(network.home, `umbel-${version}.tar.gz`);

async function offer(version: string): Promise<void> {
  const archive = archiveOf(version);
  const address = `${origin}/${path.basename(archive)}`;
  const registered = await checkout("admin", "releases", "register", `${archive}.release.json`, "--url", address);
  expect(registered).toMatchObject({ status: 0, result: { version, active: true } });
}

/** As somebody would who has just read of it, in a home of their own and with no Node on the path. */
async function installer(...args: string[]) {
  const script = await (await fetch(`${network.url}/install.sh`)).text();
  const env = { PATH: "/usr/bin:/bin", HOME: network.home, UMBEL_HOME: network.home, SHELL: "/bin/sh" };
  const child = spawn("sh", ["-s", "--", "--prefix", install, ...args], { env, stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.end(script);
  const [said, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { status, said };
}
const profile = () => readFileSync(path.join(network.home, ".profile"), "utf8");

it("makes releases, and installs one that a coordinator offers, if it is the one that was signed", async () => {
  await Promise.all([pack("0.2.0", { bringsNode: true }), pack("0.3.0"), pack("0.4.0", { spoiled: true })]);
  await offer("0.2.0");
  isTampered = true;
  expect(await installer()).toEqual({ status: 7, said: expect.stringContaining("is not what was signed; nothing was changed") });
  expect(existsSync(install)).toBe(false);
  isTampered = false;
  expect(await installer()).toEqual({ status: 0, said: expect.stringMatching(/Installed into .*Added to .*\.profile, so that/s) });
  expect(profile()).toContain(`export PATH="${install}/bin:$PATH"`);
  const before = profile();
  expect(await installer()).toEqual({ status: 0, said: expect.stringMatching(/Umbel 0\.2\.0 is installed in .*on your PATH already/s) });
  expect(profile()).toBe(before);
});

it("offers nothing that nobody it knows has signed", async () => {
  const record = JSON.parse(readFileSync(`${archiveOf("0.3.0")}.release.json`, "utf8"));
  const forged = path.join(network.home, "forged.json");
  writeFileSync(forged, JSON.stringify({ ...record, signature: `${record.signature.slice(0, -20)}${"A".repeat(20)}` }));
  const refused = await checkout("admin", "releases", "register", forged, "--url", `${origin}/umbel-0.3.0.tar.gz`);
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("UMBEL_RELEASE_SIGNERS") });
});

it("takes the next one in, drains and restarts the provider", async () => {
  const sprout = path.join(REPOSITORY, "models/sprout");
  const [started] = await Promise.all([installed("provider", "start", "--engine", "scripted", "--model", sprout), offer("0.3.0")]);
  expect(started.result.provider).toMatchObject({ version: "0.2.0", phase: "serving", connected: true });
  const updated = await installed("provider", "update");
  expect(updated.result).toMatchObject({ installed: "0.2.0", latest: "0.3.0", updated: true, restarted: true, rolled_back: false });
});

it("goes back from one that does not come up, and by hand", async () => {
  await offer("0.4.0");
  const failed = await installed("provider", "update");
  expect(failed).toMatchObject({
    status: 8,
    stderr: expect.stringMatching(/0\.4\.0 did not come up: The provider ended at once.*spoiled/s),
  });
  // Which is said of a provider that was looked at: 0.3.0 serves the same models again.
  expect(failed.result).toMatchObject({ installed: "0.3.0", updated: false, rolled_back: true, still_down: null });
  expect(await installed("provider", "update")).toMatchObject({ status: 8, stderr: expect.stringContaining("--again") });
  await installed("provider", "stop", "--now");
  const back = await installed("provider", "update", "--back");
  expect(back.result).toMatchObject({ installed: "0.3.0", latest: "0.2.0", updated: true, takes_effect: "next_start" });
});

it("goes again without a trace but what is the owner's", async () => {
  writeFileSync(path.join(install, "notes.txt"), "mine");
  expect(await installer("--uninstall")).toEqual({ status: 0, said: expect.stringMatching(/they stay.*Took the line for/s) });
  expect(readdirSync(install)).toEqual(["notes.txt"]);
  expect(profile()).not.toContain("umbel");
  expect(existsSync(path.join(network.home, "provider.toml"))).toBe(true);
});
