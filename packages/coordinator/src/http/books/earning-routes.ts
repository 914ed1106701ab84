import { ApiError } from "@umbel/dialects";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { EarningSummary } from "../../ledger/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { exportFile } from "../lists/export.js";
import { queryOf } from "../lists/query.js";
import { createVerdicts } from "../machines/why.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";
import { cursorOf, PAGING_PARAMETERS, PERIOD_PARAMETERS, paging, period, periodOf, placeOf, wantsCsv } from "./list-query.js";

const DAYS_OF_A_MONTH = 30n;

const earningsQuery = z.strictObject({ ...period, ...paging });

const earning = z.object({
  job_id: z.string(),
  provider_id: z.string().describe("The machine, as in `X-Provider-Id`."),
  model: z.string(),
  amount_micro_usd: z.int(),
  amount_usd: z.string(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  created_at: z.iso.datetime(),
});
const earningsList = z.object({
  account_id: z.string(),
  earnings: z.array(earning),
  next_cursor: z.string().nullable(),
  total_micro_usd: z.int().describe("Of all that fits the filter."),
  total_usd: z.string(),
  count: z.int().describe("Of all that fits the filter."),
  recent_count: z.int().describe("In this list."),
  history_limit: z.int(),
  available_balance_micro_usd: z.int(),
  available_balance_usd: z.string(),
  withdrawable_balance_micro_usd: z.int(),
  withdrawable_balance_usd: z.string(),
});
const microUsd = z.int().describe("Millionths of a USD.");
const earned = z.object({
  today_micro_usd: microUsd.describe("Since midnight, UTC."),
  today_jobs: z.int(),
  last_24h_micro_usd: microUsd,
  last_24h_jobs: z.int(),
  last_7d_micro_usd: microUsd,
  last_7d_jobs: z.int(),
  lifetime_micro_usd: microUsd,
  lifetime_jobs: z.int(),
  forecast: z.object({
    per_day_micro_usd: microUsd.describe("At the rate of the last seven days."),
    per_30_days_micro_usd: microUsd,
  }),
});
export const machineEarnings = z.object({
  id: z.string(),
  ...earned.shape,
  earnings: z.array(earning),
  next_cursor: z.string().nullable(),
});
const summary = z.object({
  account_id: z.string(),
  available_balance_micro_usd: microUsd,
  withdrawable_balance_micro_usd: microUsd,
  payout_ready: z.boolean().describe("Whether there is a place that earnings can be paid to."),
  ...earned.shape,
  counts: z.object({
    total: z.int(),
    online: z.int(),
    serving: z.int().describe("Online, and with work."),
    offline: z.int(),
    untrusted: z.int(),
    hardware: z.int().describe("Whose trust rests on their hardware."),
    needs_attention: z.int().describe("That get no work, for a reason that their owner can change."),
  }),
  latest_provider_version: z.string().nullable().describe("The newest release that every machine is offered."),
  min_provider_version: z.string().nullable(),
});

/** What an account's machines earned. Source: money.md §13. */
export function earningRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { history, ledger, fleet, payments, releases, settings, clock } = dependencies;

  const shown = (row: Awaited<ReturnType<typeof history.earnings>>[number]): z.infer<typeof earning> => ({
    job_id: row.jobId,
    provider_id: fleet.publicId(row.machineId),
    model: row.model,
    amount_micro_usd: jsonAmount(row.amount_microUsd),
    amount_usd: usd(row.amount_microUsd),
    prompt_tokens: row.prompt_tokens,
    completion_tokens: row.completion_tokens,
    created_at: row.createdAt.toISOString(),
  });
  type Row = Parameters<typeof shown>[0];
  const rowPlace = ({ createdAt, jobId }: Row) => ({ at: createdAt, id: jobId });

  function file(reply: FastifyReply, filter: Parameters<typeof history.earnings>[0]): FastifyReply {
    const page = (after: Row | undefined, limit: number) => history.earnings(filter, after && rowPlace(after), limit);
    return exportFile(reply, {
      name: "earnings",
      at: clock.date(),
      page,
      rowOf: shown,
      columns: Object.keys(earning.shape),
      format: "csv",
    });
  }

  async function listed(filter: Parameters<typeof history.earnings>[0], { cursor, limit }: z.infer<typeof earningsQuery>) {
    const rows = await history.earnings(filter, placeOf(cursor), limit);
    const last = rows.at(-1);
    return { earnings: rows.map(shown), next_cursor: last !== undefined && rows.length === limit ? cursorOf(rowPlace(last)) : null };
  }

  return [
    {
      method: "GET",
      url: "/v1/provider/account-earnings",
      access: "holder",
      doc: {
        tag: "Machines",
        summary: "What the account's machines earned, latest first",
        description: "With `Accept: text/csv` all of it, as a file.",
        parameters: [...PERIOD_PARAMETERS, ...PAGING_PARAMETERS],
        answer: earningsList,
        errors: [400],
      },
      async handle(request, reply) {
        const query = queryOf(request, earningsQuery);
        const { accountId } = principalOf(request);
        const filter = { accountId, ...periodOf(query) };
        if (wantsCsv(request.headers.accept)) return file(reply, filter);
        const [list, total, balance] = await Promise.all([listed(filter, query), history.earned(filter), ledger.balance(accountId)]);
        return {
          account_id: accountId,
          ...list,
          total_micro_usd: jsonAmount(total.amount_microUsd),
          total_usd: usd(total.amount_microUsd),
          count: total.jobs,
          recent_count: list.earnings.length,
          history_limit: query.limit,
          available_balance_micro_usd: jsonAmount(balance.spendable_microUsd),
          available_balance_usd: usd(balance.spendable_microUsd),
          withdrawable_balance_micro_usd: jsonAmount(balance.withdrawable_microUsd),
          withdrawable_balance_usd: usd(balance.withdrawable_microUsd),
        } satisfies z.infer<typeof earningsList>;
      },
    },
    {
      method: "GET",
      url: "/v1/provider/earnings",
      access: "public",
      async handle() {
        const message = "earnings are told to their owner alone — GET /v1/provider/account-earnings, with a provider token or signed in";
        throw new ApiError({ status: 410, code: "gone", message });
      },
    },
    {
      method: "GET",
      url: "/v1/me/providers/:id/earnings",
      access: "owner",
      doc: {
        tag: "Machines",
        summary: "What one machine earned",
        description: "With `Accept: text/csv` all of it, as a file.",
        parameters: [...PERIOD_PARAMETERS, ...PAGING_PARAMETERS],
        answer: machineEarnings,
        errors: [400, 404],
      },
      async handle(request, reply) {
        const query = queryOf(request, earningsQuery);
        const { accountId } = principalOf(request);
        const id = idOf(request);
        const machine = (await fleet.machinesOf(accountId)).find(({ publicId }) => publicId === id || publicId === fleet.publicId(id));
        if (machine === undefined)
          throw new ApiError({ status: 404, code: "not_found", message: "this account has no machine of this id" });
        const filter = { accountId, machineId: machine.machineId, ...periodOf(query) };
        if (wantsCsv(request.headers.accept)) return file(reply, filter);
        const [list, sums] = await Promise.all([listed(filter, query), history.earningSummary(accountId, machine.machineId)]);
        return { id: machine.publicId, ...earnedOf(sums), ...list } satisfies z.infer<typeof machineEarnings>;
      },
    },
    {
      method: "GET",
      url: "/v1/me/summary",
      access: "session",
      doc: { tag: "Account", summary: "Money and machines at a glance", answer: summary },
      async handle(request) {
        const { accountId } = principalOf(request);
        const [balance, sums, machines, isPayoutReady, newestVersion] = await Promise.all([
          ledger.balance(accountId),
          history.earningSummary(accountId),
          fleet.machinesOf(accountId),
          payments.isPayoutReady(accountId),
          releases.newestVersion(),
        ]);
        const verdictOf = createVerdicts(dependencies);
        const count = (holds: (machine: (typeof machines)[number]) => boolean): number => machines.filter(holds).length;
        return {
          account_id: accountId,
          available_balance_micro_usd: jsonAmount(balance.spendable_microUsd),
          withdrawable_balance_micro_usd: jsonAmount(balance.withdrawable_microUsd),
          payout_ready: isPayoutReady,
          ...earnedOf(sums),
          counts: {
            total: machines.length,
            online: count(({ view }) => view !== undefined),
            serving: count(({ view }) => (view?.pendingTotal ?? 0) > 0),
            offline: count(({ view }) => view === undefined),
            untrusted: count(({ untrustedReason, view }) => untrustedReason !== null || view?.trusted === false),
            hardware: count(({ view }) => view?.trustLevel === "hardware"),
            needs_attention: count((machine) => verdictOf(machine).advice !== null),
          },
          latest_provider_version: newestVersion ?? null,
          min_provider_version: settings.minProviderVersion === "" ? null : settings.minProviderVersion,
        } satisfies z.infer<typeof summary>;
      },
    },
  ];
}

function earnedOf({ today, lastDay, lastWeek, lifetime, perDay_microUsd }: EarningSummary): z.infer<typeof earned> {
  return {
    today_micro_usd: jsonAmount(today.amount_microUsd),
    today_jobs: today.jobs,
    last_24h_micro_usd: jsonAmount(lastDay.amount_microUsd),
    last_24h_jobs: lastDay.jobs,
    last_7d_micro_usd: jsonAmount(lastWeek.amount_microUsd),
    last_7d_jobs: lastWeek.jobs,
    lifetime_micro_usd: jsonAmount(lifetime.amount_microUsd),
    lifetime_jobs: lifetime.jobs,
    forecast: { per_day_micro_usd: jsonAmount(perDay_microUsd), per_30_days_micro_usd: jsonAmount(perDay_microUsd * DAYS_OF_A_MONTH) },
  };
}

function idOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "id" in params ? String(params.id) : "";
}
