import { type FormEvent, useState } from "react";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { rememberDeposit } from "./returned-deposit.js";

const PRESETS_usd = ["5", "10", "25", "50"];

/** The card's own page takes the payment; nothing of a card is typed here. */
export function DepositCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const [amount, setAmount] = useState("10");
  const pay = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { amount_usd = "", referral_code = "" } = filledIn(event.currentTarget);
    void attempt(async () => {
      const body = { amount_usd, ...(referral_code === "" ? {} : { referral_code }) };
      const opened = await ask<{ readonly session_id: string; readonly url: string }>("POST", "/v1/billing/stripe/create-session", body);
      rememberDeposit(opened.session_id);
      window.location.assign(opened.url);
    });
  };
  return (
    <form className="card" onSubmit={pay} aria-label="Add credits">
      <h2>Add credits</h2>
      <Problem text={problem} />
      <fieldset className="actions">
        <legend className="unseen">Amounts to choose from</legend>
        {PRESETS_usd.map((usd) => (
          <button
            key={usd}
            type="button"
            className={amount === usd ? "" : "plain"}
            aria-pressed={amount === usd}
            onClick={() => setAmount(usd)}
          >
            ${usd}
          </button>
        ))}
      </fieldset>
      <Field
        label="Amount in USD"
        name="amount_usd"
        inputMode="decimal"
        pattern="\d{1,6}(\.\d{1,2})?"
        title="Such as 12 or 12.50"
        value={amount}
        onChange={(event) => setAmount(event.currentTarget.value)}
        required
      />
      <details>
        <summary>Somebody brought you here?</summary>
        <Field label="Their referral code" name="referral_code" maxLength={20} autoComplete="off" />
      </details>
      <button type="submit" disabled={isBusy}>
        Pay by card
      </button>
      <p className="hint">You go on to Stripe's page and come back here.</p>
    </form>
  );
}
