import { type CoordinatorReply, callCoordinator } from "../call-coordinator.js";
import { accepted, type DeviceOptions, sessionToken } from "./device.js";

export type OwnerOptions = Omit<DeviceOptions, "yes">;

/** A call of the owner of an account, below `/v1`. @throws CliError */
export async function askAsOwner(
  options: OwnerOptions,
  call: { readonly method: "GET" | "POST" | "PUT" | "DELETE"; readonly path: string; readonly body?: unknown; readonly remedy: string },
): Promise<CoordinatorReply["body"]> {
  const { remedy, path, ...rest } = call;
  const token = await sessionToken(options);
  return accepted(await callCoordinator(options.coordinator, { ...rest, path: `/v1${path}`, token }), remedy);
}
