import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { type AccountLink, readAccountLink, removeAccountLink, writeAccountLink } from "../provider/account-link.js";
import { awaitApproval } from "../provider/await-approval.js";
import { readConfigFile } from "../provider/config-file.js";
import { providerPlaces } from "../provider/places.js";
import { resolveSettings } from "../provider/resolve-settings.js";

export interface LoginOptions {
  readonly home?: string;
  readonly config?: string;
  readonly coordinator?: string;
  readonly json?: boolean;
}

export interface LogoutOptions {
  readonly home?: string;
  readonly localOnly?: boolean;
  readonly json?: boolean;
}

/** `umbel provider login`: links this machine to the account of whoever approves its code (RFC 8628). */
export async function login(options: LoginOptions): Promise<void> {
  const output = createOutput(options);
  const { home, configFile } = providerPlaces(options);
  const { values } = resolveSettings({ ...options }, process.env, readConfigFile(configFile));
  const coordinator = values.coordinatorUrl ?? "";
  const linked = await readAccountLink(home);
  if (linked !== undefined && !(await isRevoked(linked))) {
    throw new CliError(
      `This machine is linked to the account "${linked.account_id}" at ${linked.coordinator} already.`,
      EXIT_CODES.failure,
      "To link it to another one: umbel provider logout",
    );
  }
  const asked = await callCoordinator(coordinator, {
    method: "POST",
    path: "/v1/device/code",
    body: { client_name: hostname(), platform: `${process.platform}-${process.arch}` },
  });
  if (asked.status !== 200) throw new CliError(`The coordinator refused: ${asked.message}.`, EXIT_CODES.failure, "Try again later.");
  const { device_code, user_code, verification_uri, expires_in, interval } = asked.body;
  output.note(`Code: ${String(user_code)}, for ${Math.round(Number(expires_in) / 60)} minutes.`);
  output.note(`The account's owner enters it at ${String(verification_uri)}, or runs: umbel device approve ${String(user_code)}`);
  output.note("Waiting …");
  const { token, accountId } = await awaitApproval(
    { deviceCode: String(device_code), interval_s: Number(interval), expires_s: Number(expires_in) },
    {
      poll: (code) => callCoordinator(coordinator, { method: "POST", path: "/v1/device/token", body: { device_code: code } }),
      wait: (wait_ms) => sleep(wait_ms),
      now_ms: () => performance.now(),
    },
  );
  await writeAccountLink(home, { coordinator, account_id: accountId, token });
  output.result({ account_id: accountId, coordinator });
  output.line(`This machine earns for the account "${accountId}" at ${coordinator}. Serve with: umbel provider start`);
}

/** Whether the coordinator says that it does not know the token any more: then there is nothing left to log out of. */
async function isRevoked({ coordinator, token }: AccountLink): Promise<boolean> {
  const reply = await callCoordinator(coordinator, { method: "GET", path: "/v1/me/providers", token }).catch((error: unknown) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  return reply?.status === 401;
}

/** `umbel provider logout`: revokes the token at the coordinator, and forgets it. */
export async function logout(options: LogoutOptions): Promise<void> {
  const output = createOutput(options);
  const { home } = providerPlaces(options);
  const linked = await readAccountLink(home);
  if (linked === undefined)
    throw new CliError("This machine is linked to no account.", EXIT_CODES.failure, "Link it with: umbel provider login");
  const { coordinator, account_id, token } = linked;
  let revoked = false;
  if (options.localOnly !== true) {
    const reply = await callCoordinator(coordinator, { method: "DELETE", path: "/v1/device/token", token }).catch((error: unknown) => {
      if (!(error instanceof CliError)) throw error;
      const remedy = "Try again when it answers; or with --local-only, which leaves the token valid there.";
      throw new CliError(error.message, error.exitCode, remedy, { cause: error });
    });
    // Refused as unknown: it was revoked before, which is what was wanted.
    revoked = reply.status === 200 || reply.status === 401;
    if (!revoked) throw new CliError(`The coordinator refused: ${reply.message}.`, EXIT_CODES.failure, "Try again later.");
  }
  await removeAccountLink(home);
  output.result({ account_id, coordinator, revoked });
  output.line(`This machine is linked to no account any more.${revoked ? "" : " Its token is still valid at the coordinator."}`);
  output.line(
    revoked
      ? "A provider that runs with it has lost its connection, and ends. Start it anew without a link, or after: umbel provider login"
      : "A provider that runs goes on with the old link until it is restarted.",
  );
}
