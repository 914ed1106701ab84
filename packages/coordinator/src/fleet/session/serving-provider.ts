import type { Register } from "@umbel/protocol";
import type { AdmittedMachine } from "../connection/admission.js";
import type { ServingProvider } from "../types.js";

/** What dispatch and settlement may know of an admitted machine. @param register as far as the machine is believed */
export function servingProvider({ sessionId, accountId, device }: AdmittedMachine, register: Register, publicId: string): ServingProvider {
  const { hardware, version, location } = register;
  return {
    sessionId,
    machineId: device.machineId,
    publicId,
    accountId,
    version,
    trustLevel: device.trustLevel,
    computeClass: hardware.compute_class,
    chip: hardware.gpus[0]?.name ?? hardware.chip_name,
    platform: `${hardware.platform}-${hardware.arch}`,
    location,
    encryptionKey: device.encryptionKey,
  };
}
