import { type FormEvent, useState } from "react";
import { ask, type Person, type PublicConfig } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";
import { useConfirmation } from "./use-confirmation.js";

interface EmailCardProps {
  readonly person: Person;
  readonly config: PublicConfig;
  readonly onChanged: () => Promise<void>;
}

/** Another address for the account, once a code from its mailbox shows that it is theirs. */
export function EmailCard({ person, config, onChanged }: EmailCardProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const { confirmed, dialog } = useConfirmation(config, person);
  const [next, setNext] = useState<string>();
  const [isDone, setDone] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { newEmail = next ?? "", otp } = filledIn(event.currentTarget);
    setDone(false);
    void attempt(async () => {
      if (next === undefined) {
        await confirmed(() => ask("POST", "/api/auth/email-otp/request-email-change", { newEmail }));
        setNext(newEmail);
      } else {
        await confirmed(() => ask("POST", "/api/auth/email-otp/change-email", { newEmail: next, otp }));
        setNext(undefined);
        setDone(true);
        await onChanged();
      }
    });
  };
  return (
    <>
      {/* Beside the form: what is in it has forms of its own. */}
      {dialog}
      <form className="card" onSubmit={submit} aria-label="E-mail address">
        <h3>E-mail address</h3>
        <Problem text={problem} />
        {isDone && <p className="good">The address of your account is changed.</p>}
        {next === undefined ? (
          <Field
            key="address"
            label="New address"
            name="newEmail"
            type="email"
            autoComplete="email"
            hint="A code is mailed to it. The address so far is told of the change."
            required
          />
        ) : (
          <Field
            key="code"
            label={`Code from the mail to ${next}`}
            name="otp"
            inputMode="numeric"
            pattern="[0-9]{6}"
            autoComplete="one-time-code"
            hint="Six digits, for ten minutes. If none comes, this address has an account here already."
            required
          />
        )}
        <div className="actions">
          <button type="submit" disabled={isBusy}>
            {next === undefined ? "Mail me a code" : "Change it"}
          </button>
          {next !== undefined && (
            <button type="button" className="quiet" onClick={() => setNext(undefined)}>
              Use another address
            </button>
          )}
        </div>
      </form>
    </>
  );
}
