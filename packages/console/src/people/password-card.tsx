import { type FormEvent, useState } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { PASSWORD } from "./sign-up-page.js";
import { useAttempt } from "./use-attempt.js";

export function PasswordCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const [isDone, setDone] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { currentPassword, newPassword } = filledIn(form);
    setDone(false);
    void attempt(async () => {
      await ask("POST", "/api/auth/change-password", { currentPassword, newPassword, revokeOtherSessions: true });
      form.reset();
      setDone(true);
    });
  };
  return (
    <form className="card" onSubmit={submit} aria-label="Password">
      <h3>Password</h3>
      <Problem text={problem} />
      {isDone && <p className="good">The password is changed, and you are signed out everywhere else.</p>}
      <Field label="Password now" name="currentPassword" type="password" autoComplete="current-password" required />
      <Field label="New password" name="newPassword" type="password" autoComplete="new-password" {...PASSWORD} required />
      <button type="submit" disabled={isBusy}>
        Change it
      </button>
    </form>
  );
}
