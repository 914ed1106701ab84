import { randomUUID } from "node:crypto";
import { z } from "zod";
import { callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatUsd, parseUsd } from "../money.js";
import { createOutput, type Output, table } from "../output.js";
import { accepted, type DeviceOptions, sessionToken } from "./device.js";

/** As for whoever owns machines: a session of the account. */
export type BillingOptions = DeviceOptions;

interface WithdrawOptions extends BillingOptions {
  readonly instant?: boolean;
  readonly stablecoin?: boolean;
  readonly key?: string;
}

const CHECK = "docs/quickstart-consumers.md says how money comes in, docs/quickstart-providers.md how it goes out.";
const BY_CODE = {
  billing_error: "This network takes or pays no money this way; ask whoever runs it.",
  not_onboarded: "Say first where to pay to, with: umbel billing onboard",
  insufficient_withdrawable: "See what was earned and not spent with: umbel balance",
  instant_unavailable: "Withdraw without --instant, or name a debit card with: umbel billing onboard",
  chain_error: "Try again in a minute, with: umbel billing address challenge <address>",
  not_found: "Begin with: umbel billing address challenge <address>",
  account_frozen: "Ask whoever runs this network.",
};
const opened = z.object({ url: z.string(), session_id: z.string() }).loose();
const deposits = z
  .object({
    data: z.array(z.object({ session_id: z.string(), status: z.string(), amount_micro_usd: z.int(), created_at: z.string() }).loose()),
  })
  .loose();
const page = z.object({ url: z.string() }).loose();
const sent = z.object({ withdrawal_id: z.string(), status: z.string(), net_usd: z.string(), fee_usd: z.string(), eta: z.string() }).loose();
const withdrawal = z
  .object({
    id: z.string(),
    status: z.string(),
    net_usd: z.string(),
    fee_usd: z.string(),
    created_at: z.string(),
    failure_reason: z.string().nullable(),
  })
  .loose();
const withdrawals = z.object({ withdrawals: z.array(withdrawal) }).loose();
const standing = z
  .object({
    has_account: z.boolean(),
    configured: z.boolean(),
    status: z.string().optional(),
    destination_type: z.string().nullable().optional(),
    destination_last4: z.string().nullable().optional(),
    currently_due: z.array(z.string()).optional(),
  })
  .loose();

/** `umbel billing deposit`. */
export async function deposit(usd: string, options: BillingOptions & { readonly referral?: string }): Promise<void> {
  const body = { amount_usd: formatUsd(parseUsd(usd)), ...(options.referral === undefined ? {} : { referral_code: options.referral }) };
  const { output, answer } = await ask("POST", "/v1/billing/stripe/create-session", options, { body });
  const { url } = opened.parse(answer);
  output.line(`Pay here: ${url}\nThe credits are on the account a moment later; see umbel billing deposits.`);
}

/** `umbel billing deposits`. */
export async function listDeposits(options: BillingOptions): Promise<void> {
  const { output, answer } = await ask("GET", "/v1/billing/deposits", options);
  const { data } = deposits.parse(answer);
  const rows = data.map((row) => [row.session_id, row.status, formatUsd(BigInt(row.amount_micro_usd)), row.created_at]);
  output.line(
    rows.length === 0 ? "No deposits yet. Make one with: umbel billing deposit <usd>" : table(["ID", "STATUS", "USD", "MADE"], rows),
  );
}

/** `umbel billing onboard`. */
export async function onboard(options: BillingOptions & { readonly country?: string }): Promise<void> {
  const body = options.country === undefined ? {} : { country: options.country };
  const { output, answer } = await ask("POST", "/v1/billing/stripe/onboard", options, { body });
  output.line(`Answer Stripe's questions here: ${page.parse(answer).url}\nThen see: umbel billing status`);
}

/** `umbel billing status`. */
export async function payoutStatus(options: BillingOptions): Promise<void> {
  const { output, answer } = await ask("GET", "/v1/billing/stripe/status?refresh=1", options);
  const { configured, has_account, status, destination_type, destination_last4, currently_due = [] } = standing.parse(answer);
  if (!configured) return output.line("This network pays to no bank accounts.");
  if (!has_account) return output.line("Nobody has said yet where to pay to. Begin with: umbel billing onboard");
  const to = destination_type == null ? "" : `, paid to a ${destination_type} that ends in ${destination_last4 ?? "?"}`;
  output.line(`${status}${to}`);
  if (currently_due.length > 0) output.line(`Stripe still asks for ${currently_due.join(", ")}: umbel billing onboard`);
}

/** `umbel billing withdraw`. */
export async function withdraw(usd: string, options: WithdrawOptions): Promise<void> {
  const amount_usd = formatUsd(parseUsd(usd));
  if (options.instant === true && options.stablecoin === true)
    throw new CliError("A withdrawal goes one way only.", EXIT_CODES.usage, "Use one of --instant and --stablecoin.");
  const body = options.stablecoin === true ? { amount_usd } : { amount_usd, method: options.instant === true ? "instant" : "standard" };
  const path = options.stablecoin === true ? "/v1/billing/withdraw/chain" : "/v1/billing/withdraw/stripe";
  const headers = { "idempotency-key": options.key ?? randomUUID() };
  const { output, answer } = await ask("POST", path, options, { body, headers });
  const { withdrawal_id, status, net_usd, fee_usd, eta } = sent.parse(answer);
  output.line(`${withdrawal_id}: ${net_usd} USD (fee ${fee_usd}), ${status}, expected in ${eta}. See: umbel billing withdrawals`);
}

/** `umbel billing withdrawals`. */
export async function listWithdrawals(options: BillingOptions): Promise<void> {
  const { output, answer } = await ask("GET", "/v1/billing/withdrawals", options);
  const rows = withdrawals
    .parse(answer)
    .withdrawals.map((row) => [
      row.id,
      row.failure_reason === null ? row.status : `${row.status} (${row.failure_reason})`,
      row.net_usd,
      row.fee_usd,
      row.created_at,
    ]);
  output.line(rows.length === 0 ? "No withdrawals yet." : table(["ID", "STATUS", "NET USD", "FEE", "ASKED"], rows));
}

/** What the coordinator answers; with `--json` it is printed as it is. */
export async function ask(
  method: string,
  path: string,
  options: BillingOptions,
  more: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ readonly output: Output; readonly answer: unknown }> {
  const output = createOutput(options);
  const token = await sessionToken(options);
  const answer = accepted(await callCoordinator(options.coordinator, { method, path, token, ...more }), CHECK, BY_CODE);
  output.result(answer);
  return { output, answer };
}
