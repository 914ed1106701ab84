import { type FormEvent, useState } from "react";
import { ask, type PublicConfig } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { signInWithPasskey } from "./passkeys.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";

type Step = "password" | "code" | "second_factor" | "backup_code";

interface SignInFormProps {
  readonly config: PublicConfig;
  /** Where an identity provider sends people back to: a page of this coordinator. */
  readonly comeBackTo: string;
  /** Of whoever is expected. */
  readonly email?: string | undefined;
  /** What went wrong before, if anything did. */
  readonly earlier?: string | undefined;
  readonly onSignedIn: () => Promise<void> | void;
}

/** All ways to sign in that this coordinator offers. */
export function SignInForm({ config, comeBackTo, email, earlier, onSignedIn }: SignInFormProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const [step, setStep] = useState<Step>("password");
  const [codeFor, setCodeFor] = useState<string>();

  const submit = (act: (fields: Readonly<Record<string, string>>) => Promise<void>) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = filledIn(event.currentTarget);
    void attempt(() => act(fields));
  };
  const withPassword = submit(async ({ email, password }) => {
    const answer = await ask<{ readonly twoFactorRedirect?: boolean }>("POST", "/api/auth/sign-in/email", { email, password });
    if (answer.twoFactorRedirect === true) setStep("second_factor");
    else await onSignedIn();
  });
  const withCode = submit(async ({ email = "", otp }) => {
    if (codeFor === undefined) {
      await ask("POST", "/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" });
      setCodeFor(email);
    } else {
      await ask("POST", "/api/auth/sign-in/email-otp", { email: codeFor, otp });
      await onSignedIn();
    }
  });
  const withSecondFactor = submit(async ({ code }) => {
    await ask("POST", `/api/auth/two-factor/${step === "backup_code" ? "verify-backup-code" : "verify-totp"}`, { code });
    await onSignedIn();
  });
  const withProvider = (provider: string) =>
    attempt(async () => {
      const { url } = await ask<{ readonly url: string }>("POST", "/api/auth/sign-in/social", {
        provider,
        callbackURL: comeBackTo,
        errorCallbackURL: "/sign-in",
      });
      window.location.assign(url);
    });

  return (
    <>
      <Problem text={problem ?? earlier} />
      {step === "password" && (
        <form onSubmit={withPassword}>
          <Field label="E-mail" name="email" type="email" autoComplete="username webauthn" defaultValue={email} required />
          <Field label="Password" name="password" type="password" autoComplete="current-password" required />
          <button type="submit" disabled={isBusy}>
            Sign in
          </button>
          {config.sign_in.email_code && <a href="/forgot">Forgot your password?</a>}
        </form>
      )}
      {step === "code" && (
        <form onSubmit={withCode}>
          {codeFor === undefined ? (
            <Field label="E-mail" name="email" type="email" autoComplete="email" defaultValue={email} required />
          ) : (
            <Field
              label={`Code from the mail to ${codeFor}`}
              name="otp"
              inputMode="numeric"
              pattern="[0-9]{6}"
              autoComplete="one-time-code"
              hint="Six digits, for ten minutes. If none comes, this address may not sign in here."
              required
            />
          )}
          <button type="submit" disabled={isBusy}>
            {codeFor === undefined ? "Mail me a code" : "Sign in"}
          </button>
        </form>
      )}
      {(step === "second_factor" || step === "backup_code") && (
        <form onSubmit={withSecondFactor}>
          <Field
            key={step}
            label={step === "backup_code" ? "Backup code" : "Code of your authenticator"}
            name="code"
            autoComplete="one-time-code"
            {...(step === "backup_code" ? {} : { inputMode: "numeric" })}
            required
          />
          <button type="submit" disabled={isBusy}>
            Go on
          </button>
          <button type="button" className="quiet" onClick={() => setStep(step === "backup_code" ? "second_factor" : "backup_code")}>
            {step === "backup_code" ? "Use the authenticator" : "Use a backup code"}
          </button>
        </form>
      )}
      {(step === "password" || step === "code") && (
        <div className="actions">
          {config.sign_in.passkey && (
            <button
              type="button"
              className="plain"
              disabled={isBusy}
              onClick={() =>
                attempt(async () => {
                  await signInWithPasskey();
                  await onSignedIn();
                })
              }
            >
              Use a passkey
            </button>
          )}
          {config.sign_in.email_code && (
            <button type="button" className="plain" disabled={isBusy} onClick={() => setStep(step === "code" ? "password" : "code")}>
              {step === "code" ? "Use a password" : "Mail me a code"}
            </button>
          )}
          {config.sign_in.providers.map(({ id, name }) => (
            <button key={id} type="button" className="plain" disabled={isBusy} onClick={() => withProvider(id)}>
              Go on with {name}
            </button>
          ))}
        </div>
      )}
    </>
  );
}
