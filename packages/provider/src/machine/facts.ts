import os from "node:os";
import type { Hardware } from "@umbel/protocol";
import { computeClass } from "./compute-class.js";
import { type ReadText, readMemory, readSystemText } from "./memory.js";

const bytesPerGb = 2 ** 30;
const shortText_max = 256;

/**
 * Facts of this machine as `register` carries them. Memory and cores honour a container's limits.
 *
 * @throws Error on a platform that the protocol does not name
 */
export async function readHardware(read: ReadText = readSystemText): Promise<Hardware> {
  const { platform, arch } = process;
  if (platform !== "linux" && platform !== "darwin" && platform !== "win32") throw new Error(`platform ${platform} is not supported`);
  const cpuinfo = platform === "linux" ? await read("/proc/cpuinfo") : undefined;
  const name = os.cpus()[0]?.model.trim() || "unknown";
  const memory = await readMemory(read);
  const isAppleSilicon = platform === "darwin" && arch === "arm64";
  const memory_gb = memory.total_bytes / bytesPerGb;
  return {
    platform,
    arch,
    os_version: os.release().slice(0, shortText_max),
    chip_name: name.slice(0, shortText_max),
    compute_class: computeClass({ platform, arch, name, cpuinfo }),
    memory_gb,
    cpu_cores: await usableCores(read),
    gpus: isAppleSilicon ? [{ name: name.slice(0, shortText_max), api: "metal", vram_gb: memory_gb }] : [],
  };
}

/** Cores the scheduler gives this process, less when a control group grants only a share of their time. */
export async function usableCores(read: ReadText = readSystemText): Promise<number> {
  const cores = os.availableParallelism();
  const folder = /^0::(\/.*)$/m.exec((await read("/proc/self/cgroup")) ?? "")?.[1] ?? "/";
  const [quota, period] = ((await read(`/sys/fs/cgroup${folder === "/" ? "" : folder}/cpu.max`)) ?? "").trim().split(" ").map(Number);
  if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) return cores;
  return Math.max(1, Math.min(cores, Math.ceil(quota / period)));
}
