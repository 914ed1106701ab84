import { type FormEvent, useState } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { QrCode } from "./qr-code.js";
import { useAttempt } from "./use-attempt.js";

interface Enrolment {
  readonly totpURI: string;
  readonly backupCodes: readonly string[];
}

interface SecondFactorCardProps {
  readonly isOn: boolean;
  readonly onChanged: () => Promise<void>;
}

/** An authenticator behind the password, and codes for the day that it is lost. */
export function SecondFactorCard({ isOn, onChanged }: SecondFactorCardProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const [enrolment, setEnrolment] = useState<Enrolment>();
  const submit = (act: (fields: Readonly<Record<string, string>>) => Promise<void>) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = filledIn(event.currentTarget);
    void attempt(() => act(fields));
  };
  const begin = submit(async ({ password }) => setEnrolment(await ask<Enrolment>("POST", "/api/auth/two-factor/enable", { password })));
  const confirm = submit(async ({ code }) => {
    await ask("POST", "/api/auth/two-factor/verify-totp", { code });
    setEnrolment(undefined);
    await onChanged();
  });
  const end = submit(async ({ password }) => {
    await ask("POST", "/api/auth/two-factor/disable", { password });
    await onChanged();
  });

  if (enrolment !== undefined) {
    const secret = new URL(enrolment.totpURI).searchParams.get("secret") ?? "";
    return (
      <form className="card" onSubmit={confirm} aria-label="Second factor">
        <h3>Second factor</h3>
        <Problem text={problem} />
        <p>Scan this with your authenticator, or enter the secret, then type the code that it shows.</p>
        <QrCode text={enrolment.totpURI} label="Secret for the authenticator" />
        <code className="secret">{secret}</code>
        <p>Keep these backup codes where you keep your passwords. Each works once:</p>
        <code className="secret">{enrolment.backupCodes.join("  ")}</code>
        <Field label="Code of your authenticator" name="code" inputMode="numeric" autoComplete="one-time-code" required />
        <button type="submit" disabled={isBusy}>
          Switch it on
        </button>
      </form>
    );
  }
  return (
    <form className="card" onSubmit={isOn ? end : begin} aria-label="Second factor">
      <h3>Second factor</h3>
      <p>{isOn ? "An authenticator is asked for behind your password." : "With an authenticator, your password alone opens nothing."}</p>
      <Problem text={problem} />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required />
      <button type="submit" className={isOn ? "plain" : ""} disabled={isBusy}>
        {isOn ? "Switch it off" : "Add an authenticator"}
      </button>
    </form>
  );
}
