import { API_ANSWERS } from "@umbel/coordinator/answers";
import { type ApiOptions, apiKeyOf, getFromApi } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { refuse } from "../refusal.js";

export interface BalanceOptions extends ApiOptions {
  readonly json?: boolean;
}

export interface UsageOptions extends BalanceOptions {
  readonly group: string;
  readonly from?: string;
  readonly to?: string;
  readonly keyId?: string;
  readonly model?: string;
  readonly list?: boolean;
  readonly limit: string;
}

const CHECK_ADDRESS = "Check --base-url: it is the address of a coordinator.";
const CHECK_OPTIONS = "Check --group (day, model or key), --from and --to (e.g. 2026-05-01) and --limit (1 to 1000).";
const { balance: balanceAnswer, usageList, usageSummary } = API_ANSWERS;

/** `umbel balance`. */
export async function showBalance(options: BalanceOptions): Promise<void> {
  const output = createOutput(options);
  const balance = balanceAnswer.parse(await ask("/payments/balance", options, CHECK_ADDRESS));
  output.result(balance);
  output.line(
    `${balance.balance_usd} USD can be spent. ${balance.held_usd} USD are held for requests under way, ` +
      `${balance.withdrawable_usd} USD were earned and can be withdrawn.`,
  );
}

/** `umbel usage`. */
export async function showUsage(options: UsageOptions): Promise<void> {
  const output = createOutput(options);
  const query = new URLSearchParams();
  const { from, to, keyId: key_id, model } = options;
  for (const [name, value] of Object.entries({ from, to, key_id, model })) if (value !== undefined) query.set(name, value);
  if (options.list === true) {
    query.set("limit", options.limit);
    const list = usageList.parse(await ask(`/payments/usage?${query}`, options, CHECK_OPTIONS));
    output.result(list);
    output.line(
      list.usage.length === 0
        ? "Nothing was used."
        : table(
            ["TIME", "REQUEST", "MODEL", "PROMPT", "COMPLETION", "USD"],
            list.usage.map((row) => [
              ...[row.timestamp, row.job_id, row.model, String(row.prompt_tokens), String(row.completion_tokens)],
              row.own_machine ? "own machine" : row.cost_usd,
            ]),
          ),
    );
    if (list.next_cursor !== null) output.note("There is more. Narrow it down with --from and --to, or raise --limit.");
    return;
  }
  query.set("group", options.group);
  const summary = usageSummary.parse(await ask(`/payments/usage/summary?${query}`, options, CHECK_OPTIONS));
  output.result(summary);
  output.line(
    summary.data.length === 0
      ? "Nothing was used in that time."
      : table(
          [summary.group.toUpperCase(), "REQUESTS", "PROMPT", "COMPLETION", "USD"],
          [
            ...summary.data.map((row) => [
              ...[row.name ?? "no key", String(row.requests), String(row.prompt_tokens), String(row.completion_tokens), row.cost_usd],
            ]),
            ["total", "", "", "", summary.total_usd],
          ],
        ),
  );
}

async function ask(pathname: string, options: ApiOptions, remedy: string): Promise<unknown> {
  const key = await apiKeyOf(options);
  if (key === undefined) {
    throw new CliError("There is no API key to ask with.", EXIT_CODES.authentication, "Give --api-key or UMBEL_API_KEY.");
  }
  const reply = await getFromApi(pathname, key, options);
  return reply.ok ? reply.body : refuse(reply, { remedy, credential: "Check --api-key, or UMBEL_API_KEY." });
}
