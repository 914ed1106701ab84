import { z } from "zod";
import { callCoordinator } from "../call-coordinator.js";
import { createOutput, table } from "../output.js";
import { accepted, type DeviceOptions, sessionToken } from "./device.js";

const tokenRow = z.object({ id: z.string(), label: z.string(), created_at: z.string(), last_used_at: z.string().nullable() }).loose();
const tokenList = z.object({ data: z.array(tokenRow) }).loose();

/** `umbel device list`. */
export async function listTokens(options: DeviceOptions): Promise<void> {
  const output = createOutput(options);
  const call = { method: "GET", path: "/v1/me/provider-tokens", token: await sessionToken(options) };
  const body = accepted(await callCoordinator(options.coordinator, call), "Try again later.");
  output.result(body);
  const { data } = tokenList.parse(body);
  output.line(
    data.length === 0
      ? "No machine is linked to the account. Link one with: umbel provider login"
      : table(
          ["ID", "MACHINE", "LINKED", "LAST USED"],
          data.map((token) => [token.id, token.label, token.created_at, token.last_used_at ?? "never"]),
        ),
  );
}

/** `umbel device revoke`. */
export async function revokeToken(id: string, options: DeviceOptions): Promise<void> {
  const output = createOutput(options);
  const path = `/v1/me/provider-tokens/${encodeURIComponent(id)}`;
  const reply = await callCoordinator(options.coordinator, { method: "DELETE", path, token: await sessionToken(options) });
  accepted(reply, "See the account's tokens with: umbel device list");
  output.result({ id, status: "revoked" });
  output.line(`Revoked ${id}. Machines that were connected with it are cut off; umbel provider login links them again.`);
}
