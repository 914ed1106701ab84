import { Panel } from "../parts/panel.js";
import { shownUsd } from "../parts/usd.js";
import type { Loaded } from "../parts/use-loaded.js";
import type { Balance } from "./billing-api.js";

export function BalanceCard({ loaded }: { readonly loaded: Loaded<Balance> }) {
  return (
    <Panel title="Balance" loaded={loaded}>
      {({ balance_micro_usd, held_micro_usd, withdrawable_micro_usd }) => (
        <>
          <p className="figure">{shownUsd(balance_micro_usd)}</p>
          <p className="hint">can be spent now.</p>
          <dl>
            <dt>Earned, and can be withdrawn</dt>
            <dd>{shownUsd(withdrawable_micro_usd)}</dd>
            <dt>Held for requests under way</dt>
            <dd>{shownUsd(held_micro_usd)}</dd>
          </dl>
        </>
      )}
    </Panel>
  );
}
