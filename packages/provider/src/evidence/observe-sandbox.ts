import { readlinkSync } from "node:fs";
import os from "node:os";
import { z } from "zod";

/** What actually confines this process, stated as found, never assumed. */
export interface SandboxFindings {
  readonly network: "namespace" | "guarded" | "none";
  readonly filesystem: "permission-model" | "none";
  readonly coreDumps: "disabled" | "unknown";
}

/** The part of Node's diagnostic report that matters here; an unlimited size is a text. */
const limitsSchema = z.object({ userLimits: z.object({ core_file_size_blocks: z.object({ hard: z.number() }) }) });

/** Name of the network namespace this process lives in; undefined where the system has none, or does not say. */
export function networkNamespace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/net");
  } catch {
    return undefined;
  }
}

/**
 * Looks at this process from inside.
 *
 * @param context.agentNamespace the agent's network namespace: another one here, without any interface that leads out, is a confinement
 * @param context.isGuarded whether `guardNetwork` ran
 */
export function observeSandbox(context: { readonly agentNamespace: string | undefined; readonly isGuarded: boolean }): SandboxFindings {
  return {
    network: isInOwnNamespace(context.agentNamespace) ? "namespace" : context.isGuarded ? "guarded" : "none",
    filesystem: isWritingRefused() ? "permission-model" : "none",
    coreDumps: coreLimit() === 0 ? "disabled" : "unknown",
  };
}

function isInOwnNamespace(agentNamespace: string | undefined): boolean {
  const own = networkNamespace();
  const leadsOut = Object.values(os.networkInterfaces()).some((addresses) => addresses?.some((address) => !address.internal));
  return own !== undefined && agentNamespace !== undefined && own !== agentNamespace && !leadsOut;
}

function isWritingRefused(): boolean {
  // Absent without the permission model, whatever the types say.
  const permission: NodeJS.Process["permission"] | undefined = process.permission;
  return permission !== undefined && !permission.has("fs.write", os.tmpdir()) && !permission.has("child");
}

/** The hard limit on core files in blocks, which the process cannot raise again; undefined where the system has none, or does not say. */
function coreLimit(): number | undefined {
  const report: unknown = process.report?.getReport();
  const limits = limitsSchema.safeParse(report);
  return limits.success ? limits.data.userLimits.core_file_size_blocks.hard : undefined;
}
