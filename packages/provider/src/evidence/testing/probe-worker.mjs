// Stands in for the worker in tests of its confinement: tries to get out in every way it can think of, and reports what came of each.
import { spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { resolve4 } from "node:dns/promises";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

const [distEvidence, mode, port] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.join(distEvidence, name)).href);
const { openInheritedPipe } = await load("inherited-pipe.js");
const { observeSandbox } = await load("observe-sandbox.js");
const { refuseDebugger } = await load("debugger.js");
const { guardNetwork } = await load("network-guard.js");

const pipe = openInheritedPipe();
refuseDebugger();
if (mode === "guarded") guardNetwork();

async function attempt(action) {
  try {
    await action();
    return "succeeded";
  } catch (error) {
    return error.code ?? error.cause?.code ?? error.name;
  }
}

const attempts = {
  connect: () => once(net.connect(Number(port), "127.0.0.1"), "connect"),
  listen: () => once(net.createServer().listen(0, "127.0.0.1"), "listening"),
  unix: () => once(net.createServer().listen(path.join(process.env.TMPDIR ?? "/tmp", `umbel-probe-${process.pid}`)), "listening"),
  udp: () => once(dgram.createSocket("udp4").bind(0), "listening"),
  dns: () => resolve4("example.org"),
  fetch: () => fetch(`http://127.0.0.1:${port}/`),
  http: () => once(http.get(`http://127.0.0.1:${port}/`), "response"),
  spawn: () => {
    const { error } = spawnSync(process.execPath, ["--version"]);
    if (error) throw error;
  },
  thread: () => once(new Worker("", { eval: true }), "online"),
  write: () => writeFileSync(path.join(process.env.TMPDIR ?? "/tmp", `umbel-probe-${process.pid}.txt`), "x"),
  read: () => readFileSync("/etc/passwd"),
};

const report = {
  sandbox: observeSandbox({ agentNamespace: process.env.UMBEL_AGENT_NETWORK_NAMESPACE, isGuarded: mode === "guarded" }),
  environment: Object.keys(process.env).sort(),
};
for (const [name, action] of Object.entries(attempts)) report[name] = await attempt(action);
pipe.end(JSON.stringify(report), () => process.exit(0));
