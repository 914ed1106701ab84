import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Deed } from "../story.js";
import { ifRefused } from "./if-refused.js";

/** Somebody takes out what was earned, over either rail, and asks again under the same key when nothing was heard. */
export function withdrawal(cast: Cast, chance: Chance, index: number): Deed[] {
  const amount_microUsd = chance.pick([1_000_000n, 2_500_000n, 4_000_000n, 9_000_000n]);
  const method = chance.pick(["standard", "instant", "token"] as const);
  const clientKey = chance.happens(0.5) ? `withdrawal-${index}` : undefined;
  const asked = { accountId: cast.provider, amount_microUsd, clientKey };
  const withdrawn: Deed = async ({ payments }, tell) => {
    const answer = method === "token" ? payments.withdrawByChain(asked) : payments.withdrawByStripe({ ...asked, method });
    const row = await answer.catch(ifRefused);
    if (row !== undefined) tell({ about: "withdrawal", id: row.id });
  };
  return clientKey === undefined ? [withdrawn] : [withdrawn, withdrawn];
}
