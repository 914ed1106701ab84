import { createHash, randomBytes } from "node:crypto";
import type { CoordinatorReply } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** What a machine keeps to itself when it asks for a code, and its digest, which it sends: its token goes to nobody else, and again if it is lost. */
export function newClientNonce(): { readonly nonce: string; readonly hash: string } {
  const nonce = randomBytes(32).toString("hex");
  return { nonce, hash: createHash("sha256").update(nonce).digest("hex") };
}

/** What a coordinator gives a machine that asks to be linked. */
export interface DeviceCode {
  readonly deviceCode: string;
  readonly interval_s: number;
  readonly expires_s: number;
}

interface Waiting {
  readonly poll: (deviceCode: string) => Promise<CoordinatorReply>;
  readonly wait: (wait_ms: number) => Promise<void>;
  readonly now_ms: () => number;
  /** What to do when it came to nothing. */
  readonly again?: string;
}

const AGAIN = "Start again with: umbel provider login";

/** Asks until somebody has decided. A coordinator that does not answer is asked again. @throws CliError for a refusal, and in the end */
export async function awaitApproval(
  { deviceCode, interval_s, expires_s }: DeviceCode,
  { poll, wait, now_ms, again = AGAIN }: Waiting,
): Promise<{ readonly token: string; readonly accountId: string; readonly expiresAt: Date | undefined }> {
  const end_ms = now_ms() + expires_s * 1_000;
  let pause_s = Math.max(1, interval_s);
  while (now_ms() < end_ms) {
    await wait(pause_s * 1_000);
    const reply = await poll(deviceCode).catch((error: unknown) => {
      if (error instanceof CliError && error.exitCode === EXIT_CODES.network) return undefined;
      throw error;
    });
    if (reply === undefined || reply.status >= 500 || reply.status === 429) continue;
    const { status, token, account_id, expires_at } = reply.body;
    if (status === "authorized") {
      const expiresAt = typeof expires_at === "string" ? new Date(expires_at) : undefined;
      return { token: String(token), accountId: String(account_id), expiresAt };
    }
    if (reply.code === "slow_down") pause_s += 5;
    else if (reply.code === "access_denied")
      throw new CliError(`The code was refused: ${reply.message}.`, EXIT_CODES.authentication, again);
    else if (reply.code === "expired_token") throw new CliError("The code has expired.", EXIT_CODES.authentication, again);
    else if (reply.status >= 400) throw new CliError(`The coordinator refused: ${reply.message}.`, EXIT_CODES.failure, again);
  }
  throw new CliError("Nobody approved the code in time.", EXIT_CODES.authentication, again);
}
