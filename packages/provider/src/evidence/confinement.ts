import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";

/** What this machine offers to confine a process with. */
export interface Confinement {
  /** Words to put before a command so that it runs without a network; empty where nothing works. */
  readonly networkPrefix: readonly string[];
  /** Node's flag for its permission model; undefined where the worker is not known to run under it. */
  readonly permissionFlag: string | undefined;
}

const probeTimeout_ms = 5000;
const unshareLocations = ["/usr/bin/unshare", "/bin/unshare", "/usr/sbin/unshare", "/run/current-system/sw/bin/unshare"];

/** Finds out by trying, once: a kernel or a container may refuse what the tools offer. */
export async function findConfinement(): Promise<Confinement> {
  return { networkPrefix: await findNetworkPrefix(), permissionFlag: findPermissionFlag() };
}

async function findNetworkPrefix(): Promise<readonly string[]> {
  const unshare = process.platform === "linux" ? unshareLocations.find(isExecutable) : undefined;
  if (unshare === undefined) return [];
  const ofRoot = process.getuid?.() === 0 ? [[unshare, "--net", "--"]] : [];
  for (const prefix of [...ofRoot, [unshare, "--user", "--map-root-user", "--net", "--"]]) {
    if (await runs([...prefix, process.execPath, "--version"])) return prefix;
  }
  return [];
}

/** llama.cpp's JavaScript is known to load under the permission model on Linux; elsewhere it looks for libraries in other places. */
function findPermissionFlag(): string | undefined {
  if (process.platform !== "linux") return undefined;
  return ["--permission", "--experimental-permission"].find((flag) => process.allowedNodeEnvironmentFlags.has(flag));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function runs(command: readonly string[]): Promise<boolean> {
  const [file = "", ...args] = command;
  return new Promise((resolve) => execFile(file, args, { timeout: probeTimeout_ms, env: {} }, (error) => resolve(error === null)));
}
