import { EventEmitter } from "node:events";

/**
 * Before it loads llama.cpp into a process, node-llama-cpp forks another one to see whether the binary crashes there. The worker starts no
 * process, and is itself the one that may crash: the agent answers for it. So that question is answered "it loads" here, which also spares
 * more than half a second at every start.
 */
export function isNativeTest(forkArguments: readonly unknown[]): boolean {
  const [modulePath, , options] = forkArguments;
  if (typeof modulePath !== "string" || !/[\\/]testBindingBinary\.js$/.test(modulePath)) return false;
  return typeof options === "object" && options !== null && "env" in options;
}

/** Stands in for the forked process: ready, loaded, done, exit. */
export function passNativeTest(): object {
  const answers: Readonly<Record<string, string>> = { start: "loaded", test: "done" };
  const child = Object.assign(new EventEmitter(), {
    exitCode: null as number | null,
    killed: false,
    stdout: null,
    stderr: null,
    kill: () => true,
    send(message: { readonly type: string }): boolean {
      setImmediate(() => {
        const answer = answers[message.type];
        if (answer !== undefined) child.emit("message", { type: answer });
        else exit();
      });
      return true;
    },
  });
  function exit(): void {
    child.exitCode = 0;
    child.emit("exit", 0);
  }
  setImmediate(() => child.emit("message", { type: "ready" }));
  return child;
}
