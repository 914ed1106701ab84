import { type FormEvent, useState } from "react";
import { ask, type PublicConfig } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";

export const PASSWORD = { minLength: 10, maxLength: 128, hint: "At least ten characters." } as const;

export function SignUpPage({ config, search }: { readonly config: PublicConfig; readonly search: string }) {
  const { attempt, isBusy, problem } = useAttempt();
  const [mailedTo, setMailedTo] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { name, email = "", password } = filledIn(event.currentTarget);
    void attempt(async () => {
      await ask("POST", "/api/auth/sign-up/email", { name, email, password });
      setMailedTo(email);
    });
  };
  if (mailedTo !== undefined) {
    return (
      <section className="card narrow" aria-live="polite">
        <h2>Look into your mail</h2>
        <p>
          If {mailedTo} {config.registration === "invite" ? "is invited" : "can have an account here"}, a letter with a link is on its way.
          Follow it, then <a href="/sign-in">sign in</a>.
        </p>
      </section>
    );
  }
  if (config.registration === "closed" || !config.sign_in.email_code) {
    return (
      <section className="card narrow">
        <h2>Sign up</h2>
        <p>Nobody can sign up here with an address and a password. Ask whoever runs this coordinator.</p>
        <a href="/sign-in">Sign in</a>
      </section>
    );
  }
  return (
    <form className="card narrow" onSubmit={submit}>
      <h2>Sign up</h2>
      {config.registration === "invite" && (
        <p className="hint">Accounts are for invited addresses. Use the one that your invitation came to.</p>
      )}
      <Problem text={problem} />
      <Field label="Name" name="name" autoComplete="name" maxLength={100} required />
      <Field
        label="E-mail"
        name="email"
        type="email"
        autoComplete="username"
        defaultValue={new URLSearchParams(search).get("email") ?? ""}
        required
      />
      <Field label="Password" name="password" type="password" autoComplete="new-password" {...PASSWORD} required />
      <button type="submit" disabled={isBusy}>
        Sign up
      </button>
      <p className="hint">
        Have an account? <a href="/sign-in">Sign in</a>.
      </p>
    </form>
  );
}
