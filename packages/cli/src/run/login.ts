import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { createOutput } from "../output.js";
import { readAccountLink, removeAccountLink, SESSION_FILE, writeAccountLink } from "../provider/account-link.js";
import { awaitApproval, newClientNonce } from "../provider/await-approval.js";

interface LoginOptions {
  readonly coordinator: string;
  readonly home?: string;
  readonly json?: boolean;
}

interface LogoutOptions {
  readonly home?: string;
  readonly localOnly?: boolean;
  readonly json?: boolean;
}

/** `umbel login`: a session of whoever approves the code (RFC 8628). */
export async function login({ coordinator, ...options }: LoginOptions): Promise<void> {
  const output = createOutput(options);
  const home = resolveHome(options.home);
  const known = await readAccountLink(home, SESSION_FILE);
  if (known !== undefined && (await isStanding(known.coordinator, known.token))) {
    const message = `You are signed in to the account ${known.account_id} at ${known.coordinator} already.`;
    throw new CliError(message, EXIT_CODES.failure, "To sign in anew: umbel logout");
  }
  const { nonce, hash: client_nonce_hash } = newClientNonce();
  const body = { client_name: hostname(), platform: `${process.platform}-${process.arch}`, purpose: "person", client_nonce_hash };
  const asked = await callCoordinator(coordinator, { method: "POST", path: "/v1/device/code", body });
  if (asked.status !== 200) throw new CliError(`The coordinator refused: ${asked.message}.`, EXIT_CODES.failure, "Try again later.");
  const { device_code, user_code, verification_uri_complete, expires_in, interval } = asked.body;
  output.note(`Code: ${String(user_code)}, for ${Math.round(Number(expires_in) / 60)} minutes.`);
  output.note(`Open ${String(verification_uri_complete)} and approve it there, if it shows the same code.`);
  output.note("Waiting …");
  const { token, accountId } = await awaitApproval(
    { deviceCode: String(device_code), interval_s: Number(interval), expires_s: Number(expires_in) },
    {
      poll: (device_code) =>
        callCoordinator(coordinator, { method: "POST", path: "/v1/device/token", body: { device_code, client_nonce: nonce } }),
      wait: (wait_ms) => sleep(wait_ms),
      now_ms: () => performance.now(),
      again: "Start again with: umbel login",
    },
  );
  await writeAccountLink(home, { coordinator, account_id: accountId, token }, SESSION_FILE);
  output.result({ account_id: accountId, coordinator });
  output.line(`You are signed in to the account ${accountId} at ${coordinator}. To end that: umbel logout`);
}

/** `umbel logout`: ends the session at the coordinator, and forgets it. */
export async function logout(options: LogoutOptions): Promise<void> {
  const output = createOutput(options);
  const home = resolveHome(options.home);
  const known = await readAccountLink(home, SESSION_FILE);
  if (known === undefined) throw new CliError("You are not signed in.", EXIT_CODES.failure, "Sign in with: umbel login");
  const { coordinator, account_id, token } = known;
  if (options.localOnly !== true) await end(coordinator, token);
  await removeAccountLink(home, SESSION_FILE);
  output.result({ account_id, coordinator, revoked: options.localOnly !== true });
  output.line(options.localOnly === true ? "The session is forgotten here; it still stands at the coordinator." : "You are signed out.");
}

async function end(coordinator: string, token: string): Promise<void> {
  const remedy = "Try again when it answers; or with --local-only, which leaves the session standing there.";
  const advice = { silent: remedy, stranger: remedy };
  const me = await callCoordinator(coordinator, { method: "GET", path: "/v1/me", token }, advice);
  // It had ended before, which is what was wanted.
  if (me.status === 401) return;
  const session = me.body["session"];
  const id = typeof session === "object" && session !== null && "id" in session ? String(session.id) : "";
  const ended = await callCoordinator(coordinator, { method: "DELETE", path: `/v1/me/sessions/${encodeURIComponent(id)}`, token }, advice);
  if (!ended.ok && ended.status !== 404) throw new CliError(`The coordinator refused: ${ended.message}.`, EXIT_CODES.failure, remedy);
}

/** Whether a session still opens its account, as far as can be found out. */
async function isStanding(coordinator: string, token: string): Promise<boolean> {
  const reply = await callCoordinator(coordinator, { method: "GET", path: "/v1/me", token }).catch((error: unknown) => {
    if (error instanceof CliError) return undefined;
    throw error;
  });
  return reply?.ok === true;
}
