import { createHmac } from "node:crypto";

/**
 * The pseudonym of a machine in response headers and lists: stable on this coordinator, and without the salt linkable to nothing.
 *
 * @param salt secret of this coordinator
 * @param machineId thumbprint of the device key
 */
export function publicMachineId(salt: Uint8Array, machineId: string): string {
  return `mach_${createHmac("sha256", salt).update(machineId).digest("hex").slice(0, 16)}`;
}
