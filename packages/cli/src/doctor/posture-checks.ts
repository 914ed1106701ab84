import { type Finding, fail, pass, warn } from "./finding.js";
import type { Patient } from "./patient.js";

const LOCKABLE = {
  unlimited: "As much memory as a process likes may be kept from being swapped out",
  limited: "Only some memory may be kept from being swapped out",
  none: "No memory may be kept from being swapped out",
  unknown: "How much memory may be kept from being swapped out is not known",
} as const;

const TRACING = {
  anyone: "Any program of the provider's user may trace it; kernel.yama.ptrace_scope = 1 keeps them out",
  descendants: "No program but one that has started it may trace the provider",
  administrator: "Nobody but an administrator may trace the provider",
  nobody: "Nobody may trace the provider, an administrator neither",
  unknown: "Who may trace the provider is not known",
} as const;

const LOCKDOWN = {
  none: "An administrator may change the kernel while it runs (no lockdown)",
  integrity: "Nobody may change the kernel while it runs",
  confidentiality: "Nobody may change the kernel while it runs, or read its memory",
  unknown: "Whether the kernel is locked down is not known",
} as const;

/** What the system says of itself that bears on who could read what the worker holds. No level of trust rests on it. */
export function postureChecks({ posture, settings }: Patient): Finding[] {
  const { secure_boot, memory_lock, tracer, ptrace_scope, lockdown, system_integrity } = posture;
  const findings = [swap(posture.swap, settings.values.prefixCacheDisk_gb_max !== undefined)];
  findings.push(pass("memory_lock", LOCKABLE[memory_lock]));
  findings.push(
    pass("secure_boot", secure_boot === "unknown" ? "Whether Secure Boot is on is not known" : `Secure Boot is ${secure_boot}`),
  );
  findings.push(pass("lockdown", LOCKDOWN[lockdown]));
  const integrity = system_integrity === "unknown" ? "Whether the system guards its integrity is not known" : undefined;
  findings.push(pass("system_integrity", integrity ?? `The system's guard of its integrity is ${system_integrity}`));
  findings.push(pass("ptrace_scope", TRACING[ptrace_scope]));
  if (tracer === "attached") {
    const fix = "End the debugger (TracerPid in /proc/<pid>/status names it), then: umbel provider restart.";
    findings.push(fail("tracer", "Another program traces the provider, and can read what it must not.", fix));
  } else
    findings.push(pass("tracer", tracer === "none" ? "Nobody traces the provider" : "Whether somebody traces the provider is not known"));
  return findings;
}

function swap(kind: Patient["posture"]["swap"], keepsPrompts: boolean): Finding {
  if (kind === "none") return pass("swap", "Nothing of memory is swapped out to a disk");
  if (kind === "encrypted") return pass("swap", "What is swapped out is encrypted");
  if (kind === "unknown") return pass("swap", "Whether what is swapped out is encrypted is not known");
  const prompts = keepsPrompts
    ? " Prompts that are kept on the disk are encrypted there, but go through memory in clear (prefix_cache.disk_gb)."
    : "";
  const fix = "Turn it off (swapoff -a, and out of /etc/fstab), swap into compressed memory (zram), or encrypt it in /etc/crypttab.";
  return warn("swap", `Memory is swapped out to a disk in clear: parts of prompts may stay there after the provider ends.${prompts}`, fix);
}
