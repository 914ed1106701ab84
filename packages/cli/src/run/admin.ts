import { randomUUID } from "node:crypto";
import { API_ANSWERS } from "@umbel/coordinator/answers";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { formatUsd, parseUsd } from "../money.js";
import { withMoneyAndAccounts } from "../offline-store.js";
import { createOutput } from "../output.js";
import { adminCall, asOperator } from "../publishing/admin-call.js";

export interface GiftOptions {
  readonly account?: string;
  readonly email?: string;
  readonly usd: string;
  readonly note: string;
  /** What --note was called before. */
  readonly reference?: string;
  readonly idempotencyKey?: string;
  readonly baseUrl?: string;
  readonly adminKey?: string;
  readonly home?: string;
  readonly json?: boolean;
}

interface Gift extends GiftOptions {
  readonly kind: "credit" | "reward";
  readonly amount_microUsd: bigint;
}

const OTHER_KEY = "Something else was given under this key. Give another --idempotency-key.";

/** An account after it. */
interface Given {
  readonly account: string;
  readonly balance_microUsd: bigint;
}

/** `umbel admin credit` and `umbel admin reward`. */
export async function giveToAccount(kind: Gift["kind"], to: string | undefined, given: GiftOptions): Promise<void> {
  const options = { ...given, ...(to !== undefined && (to.includes("@") ? { email: to } : { account: to })) };
  const output = createOutput(options);
  const amount_microUsd = parseUsd(options.usd);
  if (amount_microUsd === 0n) throw new CliError("The amount is zero.", EXIT_CODES.usage, "Give a positive amount with --usd.");
  if ([to, given.account, given.email].filter((name) => name !== undefined).length !== 1) {
    throw new CliError(
      "There is no one account to give it to.",
      EXIT_CODES.usage,
      "Give an account, or --account or --email, and only one of them.",
    );
  }
  const gift = { ...options, note: options.reference ?? options.note, kind, amount_microUsd };
  const { account, balance_microUsd } = await (options.baseUrl === undefined ? giveHere(gift) : giveThere(gift, options.baseUrl));
  const done = kind === "credit" ? { credited_micro_usd: amount_microUsd } : { rewarded_micro_usd: amount_microUsd };
  output.result({ account, ...done, balance_micro_usd: balance_microUsd });
  const word = kind === "credit" ? "Credited" : "Rewarded";
  output.line(`${word} ${formatUsd(amount_microUsd)} USD to "${account}". It can now spend ${formatUsd(balance_microUsd)} USD.`);
}

/** In the database of the home, whether its coordinator runs or not. */
function giveHere({ kind, amount_microUsd, account, email, note, idempotencyKey, home }: Gift): Promise<Given> {
  return withMoneyAndAccounts(resolveHome(home), async ({ accounts, administration }) => {
    if (account !== undefined) await accounts.ensureAccount(account, account);
    const to = account === undefined ? { email: email ?? "" } : { accountId: account };
    const request = { actor: "command", ipHash: undefined, idempotencyKey: idempotencyKey ?? randomUUID() };
    const after = await administration[kind]({ to, amount_microUsd, note }, request);
    return { account: after.accountId, balance_microUsd: after.balanceAfter_microUsd };
  });
}

async function giveThere({ kind, account, email, usd, note, ...options }: Gift, baseUrl: string): Promise<Given> {
  const body = { ...(account === undefined ? { email } : { account_id: account }), amount_usd: usd, note };
  const idempotencyKey = options.idempotencyKey ?? randomUUID();
  const byCode = { idempotency_key_reused: OTHER_KEY };
  const call = { method: "POST", body, idempotencyKey, remedy: "See accounts with: umbel admin users", byCode } as const;
  const operator = await asOperator({ ...options, baseUrl });
  const after = await (kind === "credit"
    ? adminCall(operator, { ...call, pathname: "/credit", answer: API_ANSWERS.creditAnswer })
    : adminCall(operator, { ...call, pathname: "/reward", answer: API_ANSWERS.rewardAnswer }));
  return { account: after.account_id, balance_microUsd: BigInt(after.balance_after) };
}
