import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type { Confinement } from "./confinement.js";
import { networkNamespace } from "./observe-sandbox.js";
import { WORKER_ALLOCATION } from "./worker-allocation.js";

/** Tells the worker which network namespace is the agent's, so that it can see whether its own is another. */
export const AGENT_NAMESPACE_VARIABLE = "UMBEL_AGENT_NETWORK_NAMESPACE";

/** Everything else of the environment stays outside: loaders' variables, Node's options, proxies, secrets. */
const keptVariables = [
  "LANG",
  "LC_ALL",
  "TZ",
  "TMPDIR",
  "CUDA_VISIBLE_DEVICES",
  "HIP_VISIBLE_DEVICES",
  "SystemRoot",
  "windir",
  "TEMP",
  "TMP",
];
/** Where Windows looks for the GPU's libraries. */
const keptOnWindows = ["PATH"];

/** What llama.cpp's JavaScript reads of a Linux system to choose its binary, and what `observeSandbox` looks at. */
const readableSystemFiles = [
  "/lib/",
  "/lib64/",
  "/usr/lib/",
  "/usr/lib64/",
  "/etc/os-release",
  "/proc/self/",
  "/proc/meminfo",
  "/proc/cpuinfo",
  "/sys/",
];

export interface LaunchOptions {
  readonly confinement: Confinement;
  /** Absolute path of the worker's entry module. */
  readonly entry: string;
  /** Folders the worker reads besides its own code: keys and models. */
  readonly readable: readonly string[];
  /** Folders it may write to: that of the device key until there is one, and that of encrypted prompts where they are kept. */
  readonly writable: readonly string[];
  /** Files that it may make, read and write; not what lies beside them. */
  readonly files: readonly string[];
}

export interface LaunchCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The command that starts a worker as confined as this machine allows. Nothing forks on the way: the process id is the worker's own. */
export function launchCommand(options: LaunchOptions): LaunchCommand {
  const { networkPrefix } = options.confinement;
  const node = [process.execPath, ...hardeningFlags(), ...permissionFlags(options), options.entry];
  const [file = process.execPath, ...args] = withoutCoreDumps([...networkPrefix, ...node]);
  return { file, args, env: workerEnvironment() };
}

function withoutCoreDumps(command: readonly string[]): readonly string[] {
  return process.platform === "win32" ? command : ["/bin/sh", "-c", 'ulimit -c 0; exec "$@"', "umbel-worker", ...command];
}

function hardeningFlags(): readonly string[] {
  const optional = ["--disable-sigusr1"].filter((flag) => process.allowedNodeEnvironmentFlags.has(flag));
  return ["--no-warnings", ...optional];
}

function permissionFlags(options: LaunchOptions): readonly string[] {
  const { permissionFlag } = options.confinement;
  if (permissionFlag === undefined) return [];
  const { files } = options;
  const readable = [...[...codeFolders(options.entry), ...options.readable].map(withTree), ...readableSystemFiles, ...files];
  const writable = [...options.writable.map(withTree), ...files];
  return [
    permissionFlag,
    // llama.cpp is an addon. What its native code does is beyond this model; that is what the namespace is for.
    "--allow-addons",
    ...readable.map((location) => `--allow-fs-read=${location}`),
    ...writable.map((location) => `--allow-fs-write=${location}`),
  ];
}

/** A path that ends with a separator stands for everything below it. */
function withTree(folder: string): string {
  return folder.endsWith(path.sep) ? folder : folder + path.sep;
}

/** The packages the worker's code lies in: its own, every `node_modules` above it, and what workspaces link to from there. */
function codeFolders(entry: string): readonly string[] {
  const own = packageFolder(realpathSync(entry));
  const require = createRequire(entry);
  const linked = ["@umbel/protocol", "@umbel/dialects"].map((name) => packageFolder(realpathSync(require.resolve(name))));
  return [...new Set([own, ...linked].flatMap((folder) => [folder, ...moduleFoldersAbove(folder)]))];
}

function packageFolder(file: string): string {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json"))) return folder;
  }
  return path.dirname(file);
}

function moduleFoldersAbove(folder: string): string[] {
  const above = path.dirname(folder);
  const modules = path.basename(folder) === "node_modules" ? folder : path.join(folder, "node_modules");
  return [...(existsSync(modules) ? [modules] : []), ...(above === folder ? [] : moduleFoldersAbove(above))];
}

function workerEnvironment(): Record<string, string> {
  const names = process.platform === "win32" ? [...keptVariables, ...keptOnWindows] : keptVariables;
  const kept = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...WORKER_ALLOCATION, [AGENT_NAMESPACE_VARIABLE]: networkNamespace() ?? "" };
}
