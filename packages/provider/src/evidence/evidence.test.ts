import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Confinement, findConfinement } from "./confinement.js";
import { launchCommand } from "./launch-command.js";

const probe = fileURLToPath(new URL("./testing/probe-worker.mjs", import.meta.url));
const dist = fileURLToPath(new URL("../../dist/evidence", import.meta.url));
const unconfined: Confinement = { networkPrefix: [], permissionFlag: undefined };

let server: Server;
let home: string;
beforeAll(async () => {
  server = createServer((socket) => socket.end("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  home = await mkdtemp(path.join(tmpdir(), "umbel-evidence-"));
});
afterAll(async () => {
  server.close();
  await rm(home, { recursive: true });
});

async function runProbe(confinement: Confinement, mode: "guarded" | "unguarded"): Promise<Record<string, unknown>> {
  const command = launchCommand({ confinement, entry: probe, readable: [home], writable: [], files: [] });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const env = { ...command.env, TMPDIR: home };
  const child = spawn(command.file, [...command.args, dist, mode, String(port)], { env, stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const [report, errors] = await Promise.all([text(child.stdio[3] as Readable), text(child.stderr as Readable)]);
  if (report === "") throw new Error(`the probe did not report: ${errors}`);
  return JSON.parse(report) as Record<string, unknown>;
}

const reachesOut = ["connect", "listen", "unix", "udp", "dns", "fetch", "http"];

describe("a worker without a namespace of its own", () => {
  it("has no network, cannot start a process, and says that it is only guarded", async () => {
    const report = await runProbe(unconfined, "guarded");
    for (const name of reachesOut) expect([name, report[name]]).toEqual([name, "network_refused"]);
    expect(report).toMatchObject({
      spawn: "process_refused",
      thread: "process_refused",
      sandbox: { network: "guarded", filesystem: "none" },
    });
  });

  it("reports no confinement where there is none", async () => {
    const report = await runProbe(unconfined, "unguarded");
    expect(report).toMatchObject({ connect: "succeeded", listen: "succeeded", sandbox: { network: "none", filesystem: "none" } });
  });

  it("leaves no core dumps", async () => {
    expect(await runProbe(unconfined, "guarded")).toMatchObject({ sandbox: { coreDumps: "disabled" } });
  });

  it("inherits only the variables on the list", async () => {
    process.env["UMBEL_PROVIDER_TOKEN"] = "secret";
    const { environment } = await runProbe(unconfined, "guarded");
    delete process.env["UMBEL_PROVIDER_TOKEN"];
    expect(environment).toEqual(expect.arrayContaining(["UMBEL_AGENT_NETWORK_NAMESPACE"]));
    for (const name of ["UMBEL_PROVIDER_TOKEN", "PATH", "HOME", "NODE_OPTIONS"]) expect(environment).not.toContain(name);
  });
});

describe("a worker as confined as this machine allows", async () => {
  const confinement = await findConfinement();

  it.skipIf(confinement.networkPrefix.length === 0)("reaches nothing even where JavaScript is not guarded", async () => {
    const report = await runProbe({ ...confinement, permissionFlag: undefined }, "unguarded");
    expect(report).toMatchObject({ sandbox: { network: "namespace" } });
    for (const name of ["connect", "fetch", "http", "dns"]) expect([name, report[name]]).not.toEqual([name, "succeeded"]);
  });

  it.skipIf(confinement.permissionFlag === undefined)("writes nowhere and reads no files of the operator", async () => {
    const report = await runProbe(confinement, "guarded");
    expect(report).toMatchObject({ write: "ERR_ACCESS_DENIED", read: "ERR_ACCESS_DENIED", sandbox: { filesystem: "permission-model" } });
  });
});
