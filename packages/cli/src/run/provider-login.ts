import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { readAccountLink, removeAccountLink, writeAccountLink } from "../provider/account-link.js";
import { awaitApproval, newClientNonce } from "../provider/await-approval.js";
import { readConfigFile } from "../provider/config-file.js";
import { isEndingSoon, standingOf } from "../provider/link-standing.js";
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
  readonly config?: string;
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
  const standing = linked && (await standingOf(linked.coordinator, linked.token));
  if (linked !== undefined && standing?.isKnown !== false && !(standing?.expiresAt !== undefined && isEndingSoon(standing.expiresAt))) {
    throw new CliError(
      `This machine is linked to the account "${linked.account_id}" at ${linked.coordinator} already.`,
      EXIT_CODES.failure,
      "To link it to another one: umbel provider logout",
    );
  }
  const { nonce, hash: client_nonce_hash } = newClientNonce();
  const asked = await callCoordinator(coordinator, {
    method: "POST",
    path: "/v1/device/code",
    body: { client_name: values.name ?? hostname(), platform: `${process.platform}-${process.arch}`, client_nonce_hash },
  });
  if (asked.status !== 200) throw new CliError(`The coordinator refused: ${asked.message}.`, EXIT_CODES.failure, "Try again later.");
  const { device_code, user_code, verification_uri, expires_in, interval } = asked.body;
  output.note(`Code: ${String(user_code)}, for ${Math.round(Number(expires_in) / 60)} minutes.`);
  output.note(`The account's owner enters it at ${String(verification_uri)}, or runs: umbel device approve ${String(user_code)}`);
  output.note("Waiting …");
  const { token, accountId, expiresAt } = await awaitApproval(
    { deviceCode: String(device_code), interval_s: Number(interval), expires_s: Number(expires_in) },
    {
      poll: (device_code) =>
        callCoordinator(coordinator, { method: "POST", path: "/v1/device/token", body: { device_code, client_nonce: nonce } }),
      wait: (wait_ms) => sleep(wait_ms),
      now_ms: () => performance.now(),
    },
  );
  await writeAccountLink(home, { coordinator, account_id: accountId, token });
  output.result({ account_id: accountId, coordinator, expires_at: expiresAt?.toISOString() ?? null });
  const until = expiresAt === undefined ? "" : ` until ${expiresAt.toISOString()}`;
  output.line(`This machine earns for the account "${accountId}" at ${coordinator}${until}. Serve with: umbel provider start`);
  if (standing?.isKnown === true) output.line("A provider that runs goes on with the old link until that ends, or until it is restarted.");
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
