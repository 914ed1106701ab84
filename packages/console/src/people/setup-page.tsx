import type { FormEvent } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { PASSWORD } from "./sign-up-page.js";
import { useAttempt } from "./use-attempt.js";

/** Makes the first account, which is an operator's. */
export function SetupPage({ hash }: { readonly hash: string }) {
  const { attempt, isBusy, problem } = useAttempt();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { token, name, email, password } = filledIn(event.currentTarget);
    void attempt(async () => {
      await ask("POST", "/v1/setup", { token, name, email, password });
      await ask("POST", "/api/auth/sign-in/email", { email, password });
      window.location.assign("/settings");
    });
  };
  return (
    <form className="card narrow" onSubmit={submit}>
      <h2>Set up this coordinator</h2>
      <p className="hint">
        The first account may do all that an operator can. Its token was printed at the first start, and lies in <code>setup-token</code> in
        the Umbel home.
      </p>
      <Problem text={problem} />
      <Field label="Set-up token" name="token" autoComplete="off" spellCheck={false} defaultValue={hash.replace(/^#/, "")} required />
      <Field label="Name" name="name" autoComplete="name" maxLength={100} required />
      <Field label="E-mail" name="email" type="email" autoComplete="username" required />
      <Field label="Password" name="password" type="password" autoComplete="new-password" {...PASSWORD} required />
      <button type="submit" disabled={isBusy}>
        Make the account
      </button>
    </form>
  );
}
