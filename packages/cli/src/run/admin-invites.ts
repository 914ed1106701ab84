import { randomUUID } from "node:crypto";
import { API_ANSWERS } from "@umbel/coordinator/answers";
import { timeOf } from "../dates.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatUsd, parseUsd } from "../money.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

const { inviteEnded, inviteObject, inviteTable } = API_ANSWERS;
const PATH = "/invite-codes";

/** `umbel admin invites create`. */
export async function createInvite(
  code: string | undefined,
  options: PublishingOptions & { readonly usd: string; readonly uses: string; readonly expires?: string },
): Promise<void> {
  const output = createOutput(options);
  const isUnlimited = options.uses === "unlimited";
  if (!isUnlimited && !/^[1-9]\d{0,6}$/.test(options.uses)) {
    throw new CliError(`"${options.uses}" is no number of uses.`, EXIT_CODES.usage, "Give a whole number from 1, or unlimited.");
  }
  const body = {
    ...(code === undefined ? {} : { code }),
    amount_usd: formatUsd(parseUsd(options.usd)),
    ...(isUnlimited ? { unlimited: true } : { max_uses: Number(options.uses) }),
    ...(options.expires === undefined ? {} : { expires_at: timeOf(options.expires) }),
  };
  const remedy = "Check --usd, or choose another code.";
  const call = { method: "POST", pathname: PATH, body, answer: inviteObject, idempotencyKey: randomUUID(), remedy } as const;
  const made = await adminCall(await asOperator(options), call);
  output.result(made);
  const uses = made.max_uses === 0 ? "any number of accounts" : made.max_uses === 1 ? "one account" : `${made.max_uses} accounts`;
  output.line(`${made.code}\nWorth ${made.amount_usd} USD to ${uses}. Redeem with: umbel invite redeem ${made.code}`);
}

/** `umbel admin invites list`. */
export async function listInvites(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const list = await adminCall(await asOperator(options), { method: "GET", pathname: `${PATH}?limit=1000`, answer: inviteTable });
  output.result(list);
  output.line(
    list.data.length === 0
      ? "There are no invite codes. Make one with: umbel admin invites create --usd 5"
      : table(
          ["CODE", "USD", "USED", "STATE"],
          list.data.map((invite) => [
            ...[invite.code, invite.amount_usd, `${invite.used_count} of ${invite.max_uses === 0 ? "any" : invite.max_uses}`],
            invite.active ? (invite.expires_at === null ? "valid" : `until ${invite.expires_at}`) : "deactivated",
          ]),
        ),
  );
}

/** `umbel admin invites deactivate`. */
export async function deactivateInvite(code: string, options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "See them with: umbel admin invites list";
  const call = { method: "DELETE", pathname: PATH, body: { code }, answer: inviteEnded, idempotencyKey: randomUUID(), remedy } as const;
  const ended = await adminCall(await asOperator(options), call);
  output.result(ended);
  output.line(`Nobody can redeem ${ended.code} any more.`);
}
