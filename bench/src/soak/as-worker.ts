import { spawnSync } from "node:child_process";
import { WORKER_ALLOCATION } from "@umbel/provider/measure";

/** Runs this command again with memory handed out as in a worker, which is settled when a process starts. Comes back only if it is so already. */
export function allocateAsWorker(): void {
  if (Object.entries(WORKER_ALLOCATION).every(([name, value]) => process.env[name] === value)) return;
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, ...WORKER_ALLOCATION },
    stdio: "inherit",
  });
  process.exit(status ?? 1);
}
