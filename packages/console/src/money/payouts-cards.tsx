import { type FormEvent, useCallback } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask, type Person, type PublicConfig } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { AddressForm } from "./address-form.js";
import { type Balance, balanceOf, type PayoutAddress, type PayoutStanding, type Withdrawal } from "./billing-api.js";
import { WithdrawForm } from "./withdraw-form.js";

const STATES: Readonly<Record<Withdrawal["status"], string>> = {
  pending: "on its way",
  transferred: "on its way",
  submitted: "on its way to your bank",
  paid: "arrived",
  failed: "given back",
};

interface Payouts {
  readonly standing: PayoutStanding;
  readonly address: PayoutAddress;
  readonly balance: Balance;
}

async function payoutsOf(): Promise<Payouts> {
  const [standing, address, balance] = await Promise.all([
    ask<PayoutStanding>("GET", "/v1/billing/stripe/status"),
    ask<PayoutAddress>("GET", "/v1/billing/chain/address"),
    balanceOf(),
  ]);
  return { standing, address, balance };
}

interface PayoutsCardsProps {
  readonly person: Person;
  readonly config: PublicConfig;
  readonly onWithdrawn: () => void;
}

/** Where earnings go, and what went there before; nothing where the network pays nobody out. */
export function PayoutsCards({ person, config, onWithdrawn }: PayoutsCardsProps) {
  const payouts = useLoaded(payoutsOf);
  const list = useCallback(
    async () => (await ask<{ withdrawals: readonly Withdrawal[] }>("GET", "/v1/billing/withdrawals")).withdrawals,
    [],
  );
  const withdrawals = useLoaded(list);
  const done = async () => {
    onWithdrawn();
    await Promise.all([payouts.reload(), withdrawals.reload()]);
  };
  const isPaidOut = payouts.value === undefined || payouts.value.standing.configured || payouts.value.address.configured;
  return (
    <>
      {isPaidOut && (
        <Panel title="Withdraw" loaded={payouts}>
          {({ standing, address, balance }) => (
            <>
              {standing.configured && <Standing standing={standing} />}
              {address.configured && <AddressForm address={address} person={person} config={config} onChanged={payouts.reload} />}
              <WithdrawForm standing={standing} address={address} balance={balance} onWithdrawn={done} />
            </>
          )}
        </Panel>
      )}
      {(withdrawals.value?.length ?? 0) > 0 && (
        <Panel title="Withdrawals" loaded={withdrawals}>
          {(rows) => (
            <DataTable
              caption="Withdrawals, latest first"
              rows={rows}
              keyOf={({ id }) => id}
              empty=""
              columns={[
                {
                  title: "When",
                  of: ({ created_at, id }) => (
                    <span title={id}>
                      <When at={created_at} />
                    </span>
                  ),
                },
                { title: "Asked", isNumber: true, of: ({ amount_usd }) => `$${amount_usd}` },
                { title: "Fee", isNumber: true, of: ({ fee_usd }) => `$${fee_usd}` },
                { title: "Paid out", isNumber: true, of: ({ net_usd }) => `$${net_usd}` },
                {
                  title: "State",
                  of: ({ status, failure_reason }) => `${STATES[status]}${failure_reason === null ? "" : ` (${failure_reason})`}`,
                },
              ]}
            />
          )}
        </Panel>
      )}
    </>
  );
}

function Standing({ standing }: { readonly standing: PayoutStanding }) {
  const { attempt, isBusy, problem } = useAttempt();
  const { has_account, status = "", destination_type, destination_last4, currently_due = [] } = standing;
  const goOn = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { country = "" } = filledIn(event.currentTarget);
    void attempt(async () => {
      const { url } = await ask<{ readonly url: string }>("POST", "/v1/billing/stripe/onboard", country === "" ? {} : { country });
      window.location.assign(url);
    });
  };
  if (status === "ready") {
    return (
      <p>
        Paid to a {destination_type === "card" ? "debit card" : "bank account"} that ends in {destination_last4 ?? "…"}.
      </p>
    );
  }
  return (
    <form onSubmit={goOn} aria-label="Where earnings are paid to">
      <p>
        {has_account ? standingInWords(status, currently_due) : "Say first where your earnings are to be paid to. Stripe asks who you are."}
      </p>
      <Problem text={problem} />
      {!has_account && (
        <Field
          label="Country"
          name="country"
          pattern="[A-Za-z]{2}"
          maxLength={2}
          hint="Two letters, such as US or DE. It stays."
          required
        />
      )}
      <button type="submit" disabled={isBusy}>
        {has_account ? "Go on with Stripe" : "Begin"}
      </button>
    </form>
  );
}

function standingInWords(status: string, due: readonly string[]): string {
  const asks = due.length === 0 ? "" : ` It still asks for ${due.map((each) => each.replaceAll(/[._]/g, " ")).join(", ")}.`;
  if (status === "rejected") return `Stripe has refused this account.${asks}`;
  return `Stripe pays nothing out to you yet.${asks}`;
}
