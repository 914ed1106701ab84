import { type FormEvent, useState } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { PASSWORD } from "./sign-up-page.js";
import { useAttempt } from "./use-attempt.js";

/** Asks for a link by which a new password can be set. */
export function ForgotPage() {
  const { attempt, isBusy, problem } = useAttempt();
  const [isSent, setSent] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { email } = filledIn(event.currentTarget);
    void attempt(async () => {
      await ask("POST", "/api/auth/request-password-reset", { email });
      setSent(true);
    });
  };
  if (isSent) {
    return (
      <section className="card narrow" aria-live="polite">
        <h2>Look into your mail</h2>
        <p>If the address has an account here, a letter with a link is on its way. It works for an hour.</p>
      </section>
    );
  }
  return (
    <form className="card narrow" onSubmit={submit}>
      <h2>Set a new password</h2>
      <Problem text={problem} />
      <Field label="E-mail" name="email" type="email" autoComplete="username" required />
      <button type="submit" disabled={isBusy}>
        Mail me a link
      </button>
      <a href="/sign-in">Back to signing in</a>
    </form>
  );
}

/** Where that link leads. */
export function ResetPage({ search }: { readonly search: string }) {
  const { attempt, isBusy, problem } = useAttempt();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { newPassword } = filledIn(event.currentTarget);
    const token = new URLSearchParams(search).get("token") ?? "";
    void attempt(async () => {
      await ask("POST", "/api/auth/reset-password", { token, newPassword });
      window.location.assign("/sign-in?reset=1");
    });
  };
  return (
    <form className="card narrow" onSubmit={submit}>
      <h2>Set a new password</h2>
      <p className="hint">You are signed out everywhere else.</p>
      <Problem text={problem} />
      <Field label="New password" name="newPassword" type="password" autoComplete="new-password" {...PASSWORD} required />
      <button type="submit" disabled={isBusy}>
        Set it
      </button>
    </form>
  );
}
