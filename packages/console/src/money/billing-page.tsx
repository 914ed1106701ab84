import { useCallback } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { BalanceCard } from "./balance-card.js";
import { balanceOf, type Deposit, type Entry, methodsOf } from "./billing-api.js";
import { DepositCard } from "./deposit-card.js";
import { JournalCard } from "./journal-card.js";
import { ReturnedCard } from "./returned-card.js";
import { StatementsCard } from "./statements-card.js";

const STATES: Readonly<Record<Deposit["status"], string>> = {
  creating: "not begun",
  pending: "not paid yet",
  completed: "paid",
  expired: "not paid",
  needs_review: "being looked at",
};

async function entriesOf(cursor: string | undefined) {
  const list = await ask<{ data: readonly Entry[]; next: number | null }>(
    "GET",
    `/v1/payments/ledger?limit=20${cursor === undefined ? "" : `&cursor=${cursor}`}`,
  );
  return { rows: list.data, next: list.next };
}

/** What the account has, how it is filled, and what moved on it. */
export function BillingPage({ search }: { readonly search: string }) {
  const balance = useLoaded(balanceOf);
  const methods = useLoaded(methodsOf);
  const deposits = useLoaded(useCallback(async () => (await ask<{ data: readonly Deposit[] }>("GET", "/v1/billing/deposits")).data, []));
  const credited = useCallback(() => void Promise.all([balance.reload(), deposits.reload()]), [balance.reload, deposits.reload]);
  const takesCards = methods.value?.methods.some(({ method }) => method === "stripe");
  return (
    <>
      <ReturnedCard search={search} onCredited={credited} />
      <BalanceCard loaded={balance} />
      {takesCards === true && <DepositCard />}
      {takesCards === false && (
        <p className="card">
          This network takes no cards. Credits come from whoever runs it, or from an <a href="/invites">invite code</a>.
        </p>
      )}
      {(takesCards === true || (deposits.value?.length ?? 0) > 0) && (
        <Panel title="Deposits" loaded={deposits}>
          {(rows) => (
            <DataTable
              caption="Deposits, latest first"
              rows={rows}
              keyOf={({ session_id }) => session_id}
              empty="No deposits yet."
              columns={[
                { title: "When", of: ({ created_at }) => <When at={created_at} /> },
                { title: "Amount", isNumber: true, of: ({ amount_micro_usd }) => shownUsd(amount_micro_usd) },
                { title: "State", of: ({ status }) => STATES[status] },
                {
                  title: "Refunded",
                  isNumber: true,
                  of: ({ refunded_micro_usd }) => (refunded_micro_usd === 0 ? "—" : shownUsd(refunded_micro_usd)),
                },
              ]}
            />
          )}
        </Panel>
      )}
      <StatementsCard />
      <JournalCard title="What moved" load={entriesOf} />
    </>
  );
}
