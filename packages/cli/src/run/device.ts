import { createSessions, ownIdentity } from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { askOnTerminal } from "../ask-on-terminal.js";
import { type CoordinatorReply, callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { LOCAL_ACCOUNT } from "../local-accounts.js";
import { createOutput } from "../output.js";
import { linkedToken, SESSION_FILE } from "../provider/account-link.js";
import { refuse, SESSION_CREDENTIAL } from "../refusal.js";

const SESSION_ms = 60_000;

export interface DeviceOptions {
  readonly coordinator: string;
  readonly token?: string;
  readonly account: string;
  readonly home?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** `umbel device approve`: links the machine that shows the code to the account, after showing which machine that is. */
export async function approveDevice(code: string, options: DeviceOptions): Promise<void> {
  const output = createOutput(options);
  const token = await sessionToken(options);
  const path = `/v1/device/pending?user_code=${encodeURIComponent(code)}`;
  const machine = accepted(await callCoordinator(options.coordinator, { method: "GET", path, token }));
  const { client_name, platform, network, asked_at } = machine;
  output.note(`Machine: ${String(client_name)} (${String(platform)}), which asked from ${String(network)} at ${String(asked_at)}.`);
  if (options.yes !== true && !(await agrees())) {
    throw new CliError("Nothing was approved.", EXIT_CODES.failure, "If the machine is yours, add --yes; if not: umbel device deny <code>");
  }
  const body = { user_code: code };
  accepted(await callCoordinator(options.coordinator, { method: "POST", path: "/v1/device/approve", token, body }));
  output.result({ status: "approved", client_name, platform, network });
  output.line("The machine is linked; it goes on by itself.");
}

/** `umbel device deny`. */
export async function denyDevice(code: string, options: DeviceOptions): Promise<void> {
  const output = createOutput(options);
  const token = await sessionToken(options);
  accepted(await callCoordinator(options.coordinator, { method: "POST", path: "/v1/device/deny", token, body: { user_code: code } }));
  output.result({ status: "denied" });
  output.line("The machine is not linked.");
}

/** What was given, else that of whoever has signed in there, else one of the coordinator's own home. */
export async function sessionToken({ token, account, home, coordinator }: DeviceOptions): Promise<string> {
  const known = token ?? (account === LOCAL_ACCOUNT ? await linkedToken(resolveHome(home), coordinator, SESSION_FILE) : undefined);
  if (known !== undefined) return known;
  const identity = await ownIdentity(resolveHome(home));
  return createSessions({ identity, clock: systemClock }).issue(account, SESSION_ms);
}

async function agrees(): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  return /^y(es)?$/i.test((await askOnTerminal("Is this your machine, and shall it be linked? [y/N] ")).trim());
}

/**
 * @param byCode what to do about refusals of these codes, instead
 * @throws CliError for a refusal
 */
export function accepted(
  reply: CoordinatorReply,
  remedy = "Look at the code that the machine shows, or start again there with: umbel provider login",
  byCode: Readonly<Record<string, string>> = {},
): CoordinatorReply["body"] {
  if (reply.status < 400) return reply.body;
  return refuse(reply, { remedy, credential: SESSION_CREDENTIAL, byCode });
}
