import { readFileSync } from "node:fs";
import inspector from "node:inspector";
import { tracerOf } from "./tracer.js";

/**
 * Keeps a debugger out of this process from now on: Node opens one on SIGUSR1 unless somebody listens to that signal.
 *
 * @returns whether one was asked for or is attached already; the process must then not touch a key
 */
export function refuseDebugger(): { readonly isAttached: boolean } {
  if (process.platform !== "win32") process.on("SIGUSR1", () => undefined);
  const flags = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""];
  return { isAttached: isTraced() || inspector.url() !== undefined || flags.some((flag) => flag.includes("--inspect")) };
}

/** By a debugger for native code. Only Linux says. */
function isTraced(): boolean {
  try {
    return (tracerOf(readFileSync("/proc/self/status", "utf8")) ?? 0) !== 0;
  } catch {
    return false;
  }
}
