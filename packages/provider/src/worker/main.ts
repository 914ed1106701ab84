/**
 * The worker process: holds the keys and the model, sees plaintext, and talks to nobody but the agent, over the pipe it was born with.
 * Everything that could leave by another way is taken away before any other module is loaded.
 */
import { refuseDebugger } from "../evidence/debugger.js";
import { openInheritedPipe } from "../evidence/inherited-pipe.js";
import { AGENT_NAMESPACE_VARIABLE } from "../evidence/launch-command.js";
import { guardNetwork } from "../evidence/network-guard.js";
import { observeSandbox } from "../evidence/observe-sandbox.js";
import { WorkerExit } from "./exit-codes.js";

const stream = openInheritedPipe();
const { isAttached } = refuseDebugger();
guardNetwork();
// An error's text could quote a prompt, so nothing is printed: the exit code says it all.
for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, () => process.exit(WorkerExit.uncaught));
// Ctrl-C and service managers signal the whole group; the agent decides when its worker goes.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

const { systemClock } = await import("@umbel/protocol/native");
const { Worker } = await import("./worker.js");
new Worker({
  stream,
  clock: systemClock,
  random: Math.random,
  sandbox: observeSandbox({ agentNamespace: process.env[AGENT_NAMESPACE_VARIABLE], isGuarded: true }),
  isDebugged: isAttached,
  exit: (code) => process.exit(code),
});
