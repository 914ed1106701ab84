import { posture } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { type PostureSources, readPosture } from "./posture.js";

/** A system of these files, folders and answers. */
function system(platform: NodeJS.Platform, files: Record<string, string> = {}, answers: Record<string, string> = {}): PostureSources {
  return {
    platform,
    read: async (path) => files[path],
    list: async (folder) => [
      ...new Set(
        Object.keys(files).flatMap((path) => (path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1).split("/")[0] ?? ""] : [])),
      ),
    ],
    run: async (program) => answers[program],
  };
}

const EFI = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SWAPS = "Filename\t\t\tType\t\tSize\tUsed\tPriority\n";
const ROOT = "29 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n31 29 8:1 / /srv rw - ext4 /dev/sda1 rw\n";
/** A volume on an encrypted partition, as installers make it, and a plain partition. */
const DISKS = {
  "/sys/class/block/dm-0/dm/uuid": "CRYPT-LUKS2-aa-crypt\n",
  "/sys/class/block/dm-0/dm/name": "crypt\n",
  "/sys/class/block/dm-0/dev": "253:0\n",
  "/sys/class/block/dm-1/dm/uuid": "LVM-aabb\n",
  "/sys/class/block/dm-1/dm/name": "vg-root\n",
  "/sys/class/block/dm-1/dev": "253:1\n",
  "/sys/class/block/dm-1/slaves/dm-0": "",
  "/sys/class/block/dm-2/dm/uuid": "LVM-ccdd\n",
  "/sys/class/block/dm-2/dev": "253:2\n",
  "/sys/class/block/dm-2/slaves/dm-0": "",
  "/sys/class/block/dm-2/slaves/sda1": "",
  "/sys/class/block/sda1/dev": "8:1\n",
  "/proc/self/mountinfo": ROOT,
};

describe("what a system says of itself", () => {
  it.each<[string, string, string]>([
    ["none", "", "none"],
    ["in compressed memory", "/dev/zram0 partition 1 0 100\n", "none"],
    ["on an encrypted volume", "/dev/dm-1 partition 1 0 -2\n", "encrypted"],
    ["on one that is called by its name", "/dev/mapper/vg-root partition 1 0 -2\n", "encrypted"],
    ["in a file on an encrypted volume", "/swap\\040file file 1 0 -2\n", "encrypted"],
    ["in a file on a plain partition", "/srv/swapfile file 1 0 -2\n", "in_clear"],
    ["on a plain partition", "/dev/sda1 partition 1 0 -2\n", "in_clear"],
    ["on a volume that is plain in part", "/dev/dm-2 partition 1 0 -2\n", "in_clear"],
    ["in compressed memory first, then in clear", "/dev/zram0 partition 1 0 100\n/dev/sda1 partition 1 0 -2\n", "in_clear"],
    ["on a device that is not known", "/dev/nbd0 partition 1 0 -2\n", "unknown"],
  ])("tells of swap %s", async (_, areas, swap) => {
    expect((await readPosture([], system("linux", { ...DISKS, "/proc/swaps": `${SWAPS}${areas}` }))).swap).toBe(swap);
  });

  it("tells of secure boot, of what may be locked, and of who traces", async () => {
    const limits = (limit: string) =>
      `Limit Soft Limit Hard Limit Units\nMax locked memory         ${limit}              8388608              bytes\n`;
    const files = { [EFI]: "\u0006\0\0\0\u0001", "/proc/self/limits": limits("8388608"), "/proc/7/status": "TracerPid:\t0\n" };
    expect(await readPosture([7], system("linux", files))).toEqual({
      ...{ secure_boot: "on", memory_lock: "limited", tracer: "none", swap: "unknown" },
      ...{ ptrace_scope: "unknown", lockdown: "unknown", system_integrity: "unknown" },
    });
    const other = { [EFI]: "\u0006\0\0\0\0", "/proc/self/limits": limits("unlimited"), "/proc/7/status": "TracerPid:\t0\n" };
    const traced = { ...other, "/proc/8/status": "Name:\tnode\nTracerPid:\t12\n" };
    expect(await readPosture([7, 8], system("linux", traced))).toMatchObject({
      secure_boot: "off",
      memory_lock: "unlimited",
      tracer: "attached",
    });
    expect(await readPosture([7, 9], system("linux", other))).toMatchObject({ tracer: "unknown" });
  });

  it.each([
    ["0\n", "anyone", "[none] integrity confidentiality\n", "none"],
    ["1\n", "descendants", "none [integrity] confidentiality\n", "integrity"],
    ["2\n", "administrator", "none integrity [confidentiality]\n", "confidentiality"],
    ["3\n", "nobody", "[none] integrity\n", "none"],
    ["9\n", "unknown", "none integrity confidentiality\n", "unknown"],
    ["", "unknown", "", "unknown"],
  ])("tells of who may trace (%j: %s) and of lockdown (%j: %s)", async (scope, ptrace_scope, modes, lockdown) => {
    const files = { "/proc/sys/kernel/yama/ptrace_scope": scope, "/sys/kernel/security/lockdown": modes };
    expect(await readPosture([], system("linux", files))).toMatchObject({ ptrace_scope, lockdown });
  });

  it("asks other systems by their own commands", async () => {
    const mac = {
      "/usr/sbin/system_profiler": "  Secure Boot: Full Security\n",
      "/usr/sbin/sysctl": "vm.swapusage: total = 0.00M (encrypted)\n",
      "/usr/bin/csrutil": "System Integrity Protection status: enabled.\n",
    };
    const protectedMac = { secure_boot: "on", swap: "encrypted", tracer: "unknown", system_integrity: "on", lockdown: "unknown" };
    expect(await readPosture([7], system("darwin", {}, mac))).toMatchObject(protectedMac);
    const reduced = {
      "/usr/sbin/system_profiler": "  Secure Boot: Reduced Security\n",
      "/usr/bin/csrutil": "System Integrity Protection status: disabled.\n",
    };
    const openMac = { secure_boot: "off", swap: "unknown", system_integrity: "off" };
    expect(await readPosture([7], system("darwin", {}, reduced))).toMatchObject(openMac);
    const custom = { "/usr/bin/csrutil": "System Integrity Protection status: unknown (Custom Configuration).\n" };
    expect(await readPosture([7], system("darwin", {}, custom))).toMatchObject({ system_integrity: "unknown" });
    const windows = { "reg.exe": "    UEFISecureBootEnabled    REG_DWORD    0x1\r\n" };
    expect(await readPosture([7], system("win32", {}, windows))).toMatchObject({
      secure_boot: "on",
      swap: "encrypted",
      system_integrity: "on",
    });
  });

  it("says that it does not know where nothing is told", async () => {
    const nothing = {
      secure_boot: "unknown",
      swap: "unknown",
      memory_lock: "unknown",
      tracer: "unknown",
      ...{ ptrace_scope: "unknown", lockdown: "unknown", system_integrity: "unknown" },
    };
    for (const platform of ["linux", "darwin", "win32", "freebsd"] as const)
      expect(await readPosture([7], system(platform))).toEqual(nothing);
  });

  it("is what the protocol has words for", async () => {
    const found = await readPosture([process.pid], system(process.platform));
    expect(posture.parse(found)).toEqual(found);
  });
});
