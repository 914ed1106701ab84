import type { Posture } from "@umbel/protocol";
import { readSwap } from "./swap.js";
import { tracerOf } from "./tracer.js";

/** Where it is looked for; tests give files and answers of their own. */
export interface PostureSources {
  readonly platform: NodeJS.Platform;
  readonly read: (file: string) => Promise<string | undefined>;
  /** Names in a folder; none when there is no such folder. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  /** What a program of the system printed; undefined when it failed. */
  readonly run: (program: string, args: readonly string[]) => Promise<string | undefined>;
}

/**
 * What the system says of itself. What it does not say, or only to an administrator, is `unknown`: a claim must not rest on a guess.
 *
 * @param pids of the provider's processes
 */
export async function readPosture(pids: readonly number[], sources: PostureSources): Promise<Posture> {
  const [secure_boot, swap, memory_lock, tracer, ptrace_scope, lockdown, system_integrity] = await Promise.all([
    readSecureBoot(sources),
    readSwap(sources),
    readMemoryLock(sources),
    readTracer(pids, sources),
    readPtraceScope(sources),
    readLockdown(sources),
    readSystemIntegrity(sources),
  ]);
  return { secure_boot, swap, memory_lock, tracer, ptrace_scope, lockdown, system_integrity };
}

/** The variable's GUID is that of EFI itself (UEFI specification, 3.3). */
const EFI_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const WINDOWS_SECURE_BOOT = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecureBoot\\State";

async function readSecureBoot({ platform, read, run }: PostureSources): Promise<Posture["secure_boot"]> {
  switch (platform) {
    case "linux": {
      // Four bytes of attributes, and the value. There is none on a machine without EFI, nor in most containers.
      const value = (await read(EFI_SECURE_BOOT))?.charCodeAt(4);
      return value === 1 ? "on" : value === 0 ? "off" : "unknown";
    }
    case "darwin": {
      // Full Security alone boots nothing but what Apple signs now.
      const level = /Secure Boot:\s*(\w+)/.exec((await run("/usr/sbin/system_profiler", ["SPiBridgeDataType"])) ?? "")?.[1];
      return level === undefined ? "unknown" : level === "Full" ? "on" : "off";
    }
    case "win32": {
      const said = await run("reg.exe", ["query", WINDOWS_SECURE_BOOT, "/v", "UEFISecureBootEnabled"]);
      const value = /REG_DWORD\s+0x(\d)/.exec(said ?? "")?.[1];
      return value === undefined ? "unknown" : value === "1" ? "on" : "off";
    }
    default:
      return "unknown";
  }
}

/** The soft limit: what a process gets without asking. */
async function readMemoryLock({ platform, read }: PostureSources): Promise<Posture["memory_lock"]> {
  if (platform !== "linux") return "unknown";
  const limit = /^Max locked memory\s+(\d+|unlimited)/m.exec((await read("/proc/self/limits")) ?? "")?.[1];
  if (limit === undefined) return "unknown";
  return limit === "unlimited" ? "unlimited" : Number(limit) > 0 ? "limited" : "none";
}

async function readTracer(pids: readonly number[], { platform, read }: PostureSources): Promise<Posture["tracer"]> {
  if (platform !== "linux") return "unknown";
  const tracers = await Promise.all(pids.map(async (pid) => tracerOf(await read(`/proc/${pid}/status`))));
  if (tracers.some((tracer) => tracer !== undefined && tracer !== 0)) return "attached";
  return tracers.length > 0 && tracers.every((tracer) => tracer === 0) ? "none" : "unknown";
}

/** By the number that Yama keeps (Documentation/admin-guide/LSM/Yama.rst); a kernel without Yama has no such file and does not say. */
const PTRACE_SCOPES = ["anyone", "descendants", "administrator", "nobody"] as const;

async function readPtraceScope({ platform, read }: PostureSources): Promise<Posture["ptrace_scope"]> {
  const scope = platform === "linux" ? (await read("/proc/sys/kernel/yama/ptrace_scope"))?.trim() : undefined;
  return (/^\d$/.test(scope ?? "") ? PTRACE_SCOPES[Number(scope)] : undefined) ?? "unknown";
}

/** The file names every mode, with brackets around the one that holds (kernel_lockdown(7)). */
async function readLockdown({ platform, read }: PostureSources): Promise<Posture["lockdown"]> {
  const modes = platform === "linux" ? await read("/sys/kernel/security/lockdown") : undefined;
  const mode = /\[(none|integrity|confidentiality)\]/.exec(modes ?? "")?.[1];
  return mode === "none" || mode === "integrity" || mode === "confidentiality" ? mode : "unknown";
}

const WINDOWS_MEMORY_INTEGRITY = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity";

async function readSystemIntegrity({ platform, run }: PostureSources): Promise<Posture["system_integrity"]> {
  switch (platform) {
    case "darwin": {
      // A custom configuration says "unknown", and lists what it leaves out.
      const said = /System Integrity Protection status: (enabled|disabled)\.?$/m.exec(
        (await run("/usr/bin/csrutil", ["status"])) ?? "",
      )?.[1];
      return said === undefined ? "unknown" : said === "enabled" ? "on" : "off";
    }
    case "win32": {
      const value = /REG_DWORD\s+0x(\d)/.exec((await run("reg.exe", ["query", WINDOWS_MEMORY_INTEGRITY, "/v", "Enabled"])) ?? "")?.[1];
      return value === undefined ? "unknown" : value === "1" ? "on" : "off";
    }
    default:
      return "unknown";
  }
}
