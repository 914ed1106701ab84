import { randomUUID } from "node:crypto";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { formatUsd, parseUsd } from "../money.js";
import { withMoneyAndAccounts } from "../offline-store.js";
import { createOutput } from "../output.js";

export interface CreditOptions {
  readonly account: string;
  readonly usd: string;
  readonly reference: string;
  readonly idempotencyKey?: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** `umbel admin credit`. */
export async function creditAccount(options: CreditOptions): Promise<void> {
  const output = createOutput(options);
  const amount_microUsd = parseUsd(options.usd);
  if (amount_microUsd === 0n) throw new CliError("The amount is zero.", EXIT_CODES.usage, "Give a positive amount with --usd.");
  const balance = await withMoneyAndAccounts(resolveHome(options.home), async ({ accounts, ledger }) => {
    await accounts.ensureAccount(options.account, options.account);
    const idempotencyKey = `admin:${options.idempotencyKey ?? randomUUID()}`;
    await ledger.credit({
      accountId: options.account,
      amount_microUsd,
      kind: "admin_credit",
      idempotencyKey,
      reference: options.reference,
    });
    return ledger.balance(options.account);
  });
  output.result({ account: options.account, credited_micro_usd: amount_microUsd, balance_micro_usd: balance.spendable_microUsd });
  output.line(
    `Credited ${formatUsd(amount_microUsd)} USD to "${options.account}". It can now spend ${formatUsd(balance.spendable_microUsd)} USD.`,
  );
}
