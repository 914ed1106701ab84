import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";

interface Rewards {
  readonly enabled: boolean;
  readonly machines: readonly {
    readonly id: string;
    readonly tier_monthly_usd: string | null;
    readonly eligible: boolean;
    readonly reasons: readonly string[];
    readonly month_micro_usd: number;
  }[];
}

const rewardsOf = (): Promise<Rewards> => ask("GET", "/v1/me/rewards");

/** What machines are paid for being there, where the network pays for that. */
export function RewardsCard() {
  const rewards = useLoaded(rewardsOf);
  if (rewards.value?.enabled !== true) return null;
  return (
    <Panel title="For being there" loaded={rewards}>
      {({ machines }) => (
        <DataTable
          caption="What each machine is paid for being there"
          rows={machines}
          keyOf={({ id }) => id}
          empty="No machine of this account was there lately."
          columns={[
            { title: "Machine", of: ({ id }) => <code>{id}</code> },
            {
              title: "Up to a month",
              isNumber: true,
              of: ({ tier_monthly_usd }) => (tier_monthly_usd === null ? "not known yet" : `$${Number(tier_monthly_usd)}`),
            },
            { title: "This month", isNumber: true, of: ({ month_micro_usd }) => shownUsd(month_micro_usd) },
            { title: "Now", of: ({ eligible, reasons }) => (eligible ? "paid" : reasons.join(", ").replaceAll("_", " ")) },
          ]}
        />
      )}
    </Panel>
  );
}
