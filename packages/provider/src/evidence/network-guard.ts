import childProcess from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import inspector from "node:inspector";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import workerThreads from "node:worker_threads";
import { isNativeTest, passNativeTest } from "./native-test.js";

/** Thrown by whatever would reach out of the worker. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
  constructor(readonly code: "network_refused" | "process_refused") {
    super(`the worker is confined: ${code}`);
  }
}

/**
 * Takes the network away from this process for good: connecting, listening, sending, resolving names, and every way to start something
 * that could. Sockets that exist already, such as the inherited pipe, go on working. This holds for JavaScript; native code is held by the
 * network namespace, where there is one. Everything that connects goes through the prototypes replaced here, `fetch` and `http` included.
 */
export function guardNetwork(): void {
  replace(net.Socket.prototype, ["connect"], noNetwork);
  replace(net.Server.prototype, ["listen"], noNetwork);
  replace(dgram.Socket.prototype, ["bind", "connect", "send"], noNetwork);
  for (const resolver of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    replace(resolver, namesStartingWith(resolver, ["lookup", "resolve", "reverse"]), noNetwork);
  }
  replace(inspector, ["open"], noNetwork);
  replace(globalThis, ["fetch", "WebSocket", "EventSource"], noNetwork);

  replace(childProcess, ["spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync"], noProcess);
  replace(childProcess.ChildProcess.prototype, ["spawn"], noProcess);
  replace(childProcess, ["fork"], (...call: unknown[]) => (isNativeTest(call) ? passNativeTest() : noProcess()));
  // A thread would begin with built-in modules that are not replaced.
  replace(workerThreads, ["Worker"], noProcess);
  replace(process, ["binding"], noProcess);
  syncBuiltinESMExports();
}

// Declared functions, because some of what they replace is called with `new`.
function noNetwork(): never {
  throw new SandboxError("network_refused");
}

function noProcess(): never {
  throw new SandboxError("process_refused");
}

function replace(owner: object, names: readonly string[], value: unknown): void {
  for (const name of names) {
    if (name in owner) Object.defineProperty(owner, name, { value, writable: false, configurable: false, enumerable: true });
  }
}

function namesStartingWith(owner: object, prefixes: readonly string[]): string[] {
  return Object.getOwnPropertyNames(owner).filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
}
