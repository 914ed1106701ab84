import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";

interface Health {
  readonly ok: boolean;
  readonly checked_at: string;
  readonly invariants: readonly { readonly property: string; readonly violations: number }[];
  readonly violations: readonly { readonly property: string; readonly subject: string; readonly difference: string }[];
  readonly open_holds: readonly { readonly up_to_s: number | null; readonly count: number }[];
  readonly waiting: readonly { readonly name: string; readonly count: number; readonly oldest_s: number | null }[];
  readonly failing: readonly { readonly name: string; readonly count: number; readonly for_s: number; readonly last_error: string }[];
  readonly house_accounts: readonly { readonly account: string; readonly balance_micro_usd: number }[];
}

const HOUSE: Readonly<Record<string, string>> = {
  platform: "Fees of the operator",
  "sys:stripe": "Paid in and out by card",
  "sys:chain": "Paid out in a stablecoin",
  "sys:promo": "Given as credit",
  "sys:rewards": "Given as reward",
  "sys:unclaimed": "Earned by machines of nobody",
  "sys:baddebt": "Taken back after it was spent",
};

const healthOf = (): Promise<Health> => ask("GET", "/v1/admin/money/health");

/** Whether the books balance, now. */
export function MoneyPage() {
  const health = useLoaded(healthOf);
  const again = (
    <button type="button" className="plain" onClick={health.reload}>
      Check again
    </button>
  );
  return (
    <Panel title="Money" loaded={health} actions={again}>
      {(found) => (
        <>
          <p role="status" className={found.ok ? "good" : "warning"}>
            {found.ok ? "The books balance, nothing was put aside, and payments go their way." : "Something needs you: see below."} Checked{" "}
            <When at={found.checked_at} />.
          </p>
          {found.violations.length > 0 && (
            <DataTable
              caption="What does not balance"
              rows={found.violations}
              keyOf={({ property, subject }) => `${property} ${subject}`}
              empty=""
              columns={[
                { title: "Property", of: ({ property }) => property },
                { title: "Where", of: ({ subject }) => <code>{subject}</code> },
                { title: "Difference", of: ({ difference }) => difference },
              ]}
            />
          )}
          <p className="hint">
            Proven:{" "}
            {found.invariants
              .map(({ property, violations }) => `${property}${violations === 0 ? "" : ` (${violations} violations)`}`)
              .join(", ")}
            . Requests under way: {found.open_holds.reduce((sum, { count }) => sum + count, 0).toLocaleString()}.
          </p>
          <h3>What waits</h3>
          <DataTable
            caption="What waits to be done"
            rows={found.waiting}
            keyOf={({ name }) => name}
            empty="Nothing waits."
            columns={[
              { title: "What", of: ({ name }) => name.replaceAll("_", " ") },
              { title: "How many", isNumber: true, of: ({ count }) => count.toLocaleString() },
              { title: "Oldest", isNumber: true, of: ({ oldest_s }) => (oldest_s === null ? "—" : inWords(oldest_s)) },
            ]}
          />
          {found.failing.length > 0 && (
            <>
              <h3>What fails</h3>
              <DataTable
                caption="Work with payment processors that fails"
                rows={found.failing}
                keyOf={({ name }) => name}
                empty=""
                columns={[
                  { title: "What", of: ({ name }) => name },
                  { title: "How many", isNumber: true, of: ({ count }) => count.toLocaleString() },
                  { title: "For", isNumber: true, of: ({ for_s }) => inWords(for_s) },
                  { title: "Why", of: ({ last_error }) => last_error },
                ]}
              />
            </>
          )}
          <h3>Accounts of the house</h3>
          <DataTable
            caption="Accounts of the house"
            rows={found.house_accounts}
            keyOf={({ account }) => account}
            empty="Nothing has moved yet."
            columns={[
              { title: "Account", of: ({ account }) => HOUSE[account] ?? account },
              { title: "Balance", isNumber: true, of: ({ balance_micro_usd }) => shownUsd(balance_micro_usd) },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
