import { DataTable } from "../parts/data-table.js";
import { saveAsCsv } from "../parts/download.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded, usePages } from "../parts/use-loaded.js";
import { ask, type Person, type PublicConfig } from "../people/auth-api.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { PayoutsCards } from "./payouts-cards.js";
import { RewardsCard } from "./rewards-card.js";
import { StatementsCard } from "./statements-card.js";

interface Earned {
  readonly today_micro_usd: number;
  readonly last_24h_micro_usd: number;
  readonly last_7d_micro_usd: number;
  readonly last_7d_jobs: number;
  readonly lifetime_micro_usd: number;
  readonly lifetime_jobs: number;
  readonly forecast: { readonly per_day_micro_usd: number; readonly per_30_days_micro_usd: number };
}

interface Summary extends Earned {
  readonly counts: { readonly total: number; readonly online: number; readonly needs_attention: number };
}

interface Machine extends Earned {
  readonly id: string;
  readonly status: string;
  readonly advice: string | null;
}

interface Earning {
  readonly job_id: string;
  readonly provider_id: string;
  readonly model: string;
  readonly amount_micro_usd: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly created_at: string;
}

/** Machines that are asked about one by one; more are a fleet, which the list below has whole. */
const MACHINES_max = 20;

const summaryOf = (): Promise<Summary> => ask("GET", "/v1/me/summary");

async function machinesOf(): Promise<readonly Machine[]> {
  interface Known {
    readonly id: string;
    readonly status: string;
    readonly routing: { readonly advice: string | null };
  }
  const { data } = await ask<{ data: readonly Known[] }>("GET", "/v1/me/providers");
  return Promise.all(
    data.slice(0, MACHINES_max).map(async ({ id, status, routing }) => {
      const earned = await ask<Earned>("GET", `/v1/me/providers/${encodeURIComponent(id)}/earnings?limit=1`);
      return { ...earned, id, status, advice: routing.advice };
    }),
  );
}

async function earningsOf(cursor: string | undefined) {
  const query = new URLSearchParams({ limit: "25", ...(cursor === undefined ? {} : { cursor }) });
  const list = await ask<{ earnings: readonly Earning[]; next_cursor: string | null }>("GET", `/v1/provider/account-earnings?${query}`);
  return { rows: list.earnings, next: list.next_cursor };
}

/** What the account's machines earned, and where it goes. */
export function EarningsPage({ person, config }: { readonly person: Person; readonly config: PublicConfig }) {
  const summary = useLoaded(summaryOf);
  const reload = summary.reload;
  return (
    <>
      <Panel title="Earnings" loaded={summary}>
        {(earned) => (
          <>
            <dl className="figures">
              <div>
                <dt>Today (UTC)</dt>
                <dd>{shownUsd(earned.today_micro_usd)}</dd>
              </div>
              <div>
                <dt>Last 7 days</dt>
                <dd>{shownUsd(earned.last_7d_micro_usd)}</dd>
              </div>
              <div>
                <dt>Ever</dt>
                <dd>{shownUsd(earned.lifetime_micro_usd)}</dd>
              </div>
              <div>
                <dt>30 days, at this rate</dt>
                <dd>{shownUsd(earned.forecast.per_30_days_micro_usd)}</dd>
              </div>
            </dl>
            <p className="hint">
              {earned.lifetime_jobs.toLocaleString()} requests answered. {machinesInWords(earned.counts)}
            </p>
          </>
        )}
      </Panel>
      <PayoutsCards person={person} config={config} onWithdrawn={reload} />
      <MachinesCard />
      <RewardsCard />
      <JobsCard />
      <StatementsCard />
    </>
  );
}

function MachinesCard() {
  const machines = useLoaded(machinesOf);
  return (
    <Panel title="Machines" loaded={machines}>
      {(rows) => (
        <DataTable
          caption="What each machine earned"
          rows={rows}
          keyOf={({ id }) => id}
          empty="No machine is linked. Link one with: umbel provider login"
          columns={[
            { title: "Machine", of: ({ id }) => <code>{id}</code> },
            { title: "State", of: ({ status, advice }) => (advice === null ? status : `${status}: ${advice}`) },
            { title: "Last 7 days", isNumber: true, of: (row) => shownUsd(row.last_7d_micro_usd) },
            { title: "Ever", isNumber: true, of: (row) => shownUsd(row.lifetime_micro_usd) },
          ]}
        />
      )}
    </Panel>
  );
}

function JobsCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const { more, ...loaded } = usePages(earningsOf);
  const download = (
    <button
      type="button"
      className="plain"
      disabled={isBusy}
      onClick={() => attempt(() => saveAsCsv("/v1/provider/account-earnings", "umbel-earnings.csv"))}
    >
      All as CSV
    </button>
  );
  return (
    <Panel title="Answered requests" loaded={loaded} actions={download}>
      {(rows) => (
        <>
          <Problem text={problem} />
          <DataTable
            caption="Requests that earned something, latest first"
            rows={rows}
            keyOf={({ job_id }) => job_id}
            empty="Nothing was earned yet."
            more={more}
            columns={[
              { title: "When", of: ({ created_at }) => <When at={created_at} /> },
              { title: "Machine", of: ({ provider_id }) => <code>{provider_id}</code> },
              { title: "Model", of: ({ model }) => (model === "base_reward" ? "being there" : model) },
              {
                title: "Tokens",
                isNumber: true,
                of: ({ prompt_tokens, completion_tokens }) => (prompt_tokens + completion_tokens).toLocaleString(),
              },
              { title: "Earned", isNumber: true, of: ({ amount_micro_usd }) => shownUsd(amount_micro_usd) },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

function machinesInWords({ total, online, needs_attention }: Summary["counts"]): string {
  if (total === 0) return "No machine is linked.";
  const attention = needs_attention === 0 ? "" : `; ${needs_attention} get no work for a reason that you can change`;
  return `${online} of ${total} machines online${attention}.`;
}
