import { formatUsd, parseUsd } from "@umbel/protocol/money";
import { type FormEvent, useState } from "react";
import { instantFee, shownUsd, wholeCents } from "../parts/usd.js";
import { ask } from "../people/auth-api.js";
import { Field } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import type { Balance, PayoutAddress, PayoutStanding } from "./billing-api.js";

type Method = "standard" | "instant" | "token";

interface Submitted {
  readonly withdrawal_id: string;
  readonly net_usd: string;
  readonly eta: string;
}

interface WithdrawFormProps {
  readonly standing: PayoutStanding;
  readonly address: PayoutAddress;
  readonly balance: Balance;
  readonly onWithdrawn: () => Promise<void>;
}

/** Of what was earned and not spent; never of what was paid in. */
export function WithdrawForm({ standing, address, balance, onWithdrawn }: WithdrawFormProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [sent, setSent] = useState<Submitted>();
  const ways = waysOf(standing, address);
  const [chosen, setChosen] = useState<Method>();
  const withdrawable = Math.min(balance.withdrawable_micro_usd, balance.balance_micro_usd);
  const [amount, setAmount] = useState(() => wholeCents(withdrawable));
  const method = chosen ?? ways[0]?.method;
  if (method === undefined) return null;

  const asked = parseUsd(amount.trim());
  const fee = feeOf(method, asked ?? 0n, standing, address);
  const least = BigInt(standing.min_withdraw_micro_usd ?? 1_000_000);
  const objection = objectionTo(asked, { least, most: BigInt(withdrawable), fee });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (asked === undefined || objection !== undefined) return;
    void attempt(async () => {
      const path = method === "token" ? "/v1/billing/withdraw/chain" : "/v1/billing/withdraw/stripe";
      const body = { amount_usd: formatUsd(asked), ...(method === "token" ? {} : { method }) };
      setSent(await ask<Submitted>("POST", path, body, key));
      // The next one is another withdrawal.
      setKey(crypto.randomUUID());
      await onWithdrawn();
    });
  };
  return (
    <form onSubmit={submit} aria-label="Withdraw">
      {sent !== undefined && (
        <p role="status" className="good">
          ${sent.net_usd} are on their way, expected in {sent.eta}.
        </p>
      )}
      <Problem text={problem} />
      <Field
        label="Amount in USD"
        name="amount"
        inputMode="decimal"
        value={amount}
        onChange={(event) => setAmount(event.currentTarget.value)}
        hint={`Up to ${shownUsd(withdrawable)}, which was earned and not spent.`}
        required
      />
      {ways.length > 1 && (
        <fieldset>
          <legend>How</legend>
          {ways.map((way) => (
            <label key={way.method} className="choice">
              <input type="radio" name="method" checked={method === way.method} onChange={() => setChosen(way.method)} />
              {way.label}
            </label>
          ))}
        </fieldset>
      )}
      <p className="hint" aria-live="polite">
        {objection ?? `Fee ${shownUsd(fee)}; ${shownUsd((asked ?? 0n) - fee)} arrive.`}
      </p>
      <button type="submit" disabled={isBusy || objection !== undefined}>
        Withdraw
      </button>
    </form>
  );
}

function waysOf(standing: PayoutStanding, address: PayoutAddress): readonly { readonly method: Method; readonly label: string }[] {
  const isReady = standing.status === "ready";
  return [
    ...(isReady ? [{ method: "standard", label: "In one or two business days, free" } as const] : []),
    ...(isReady && standing.instant_eligible === true ? [{ method: "instant", label: "Within half an hour, for a fee" } as const] : []),
    ...(address.address === null || !address.configured
      ? []
      : [{ method: "token", label: `In a stablecoin, to ${address.address.slice(0, 6)}…${address.address.slice(-4)}` } as const]),
  ];
}

function feeOf(method: Method, amount: bigint, standing: PayoutStanding, address: PayoutAddress): bigint {
  if (method === "token") return BigInt(address.fee_micro_usd ?? 0);
  if (method === "standard") return 0n;
  const { instant_fee_bps = 0, instant_fee_min_usd = 0 } = standing;
  return instantFee(amount, { instant_fee_bps, instant_fee_min_usd });
}

/** Why this amount is none that can be withdrawn; the coordinator has the last word. */
function objectionTo(
  asked: bigint | undefined,
  { least, most, fee }: { readonly least: bigint; readonly most: bigint; readonly fee: bigint },
): string | undefined {
  if (asked === undefined || asked % 10_000n !== 0n) return "Write an amount such as 25 or 12.50.";
  if (asked > most) return `No more than ${shownUsd(most)} can be withdrawn.`;
  if (asked < least) return `A withdrawal is of ${shownUsd(least)} at least.`;
  return asked > fee ? undefined : "The fee would take all of it.";
}
