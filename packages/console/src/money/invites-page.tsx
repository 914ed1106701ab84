import { type FormEvent, useState } from "react";
import { Panel } from "../parts/panel.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask, Refusal } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";

interface Referral {
  readonly share_percent: number;
  readonly code: string | null;
  readonly referred_by: string | null;
  readonly total_referred: number;
  readonly total_rewards_micro_usd: number;
}

/** Letters, digits and hyphens; the coordinator says what else a code must be. */
const CODE = { pattern: "[A-Za-z0-9\\-]{3,20}", maxLength: 20, autoComplete: "off", title: "3 to 20 letters, digits and hyphens" } as const;

async function referralOf(): Promise<Referral> {
  const { referral } = await ask<{ referral: { share_percent: number } }>("GET", "/v1/billing/methods");
  const info = await orNone(ask<{ code: string | null; referred_by: string | null }>("GET", "/v1/referral/info"));
  const stats =
    info?.code == null
      ? undefined
      : await orNone(ask<{ total_referred: number; total_rewards_micro_usd: number }>("GET", "/v1/referral/stats"));
  return {
    ...{ share_percent: referral.share_percent, code: info?.code ?? null, referred_by: info?.referred_by ?? null },
    ...{ total_referred: stats?.total_referred ?? 0, total_rewards_micro_usd: stats?.total_rewards_micro_usd ?? 0 },
  };
}

async function orNone<Answer>(asking: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}

/** Codes that are worth money, and who brought whom. */
export function InvitesPage() {
  const referral = useLoaded(referralOf);
  return (
    <>
      <RedeemCard />
      <Panel title="Bring others" loaded={referral}>
        {(standing) => <Referrals standing={standing} onChanged={referral.reload} />}
      </Panel>
    </>
  );
}

function RedeemCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const [credited, setCredited] = useState<string>();
  const redeem = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { code = "" } = filledIn(form);
    setCredited(undefined);
    void attempt(async () => {
      const answer = await ask<{ readonly credited_usd: string }>("POST", "/v1/invite/redeem", { code: code.trim() });
      setCredited(answer.credited_usd);
      form.reset();
    });
  };
  return (
    <form className="card" onSubmit={redeem} aria-label="Redeem an invite code">
      <h2>Redeem an invite code</h2>
      <Problem text={problem} />
      {credited !== undefined && (
        <p role="status" className="good">
          ${credited.replace(/0{1,4}$/, "")} are on your account.
        </p>
      )}
      <Field label="Code" name="code" placeholder="INV-ABCDEFGHIJKL" {...CODE} required />
      <button type="submit" disabled={isBusy}>
        Redeem
      </button>
      <p className="hint">What a code is worth can be spent, and not be withdrawn.</p>
    </form>
  );
}

function Referrals({ standing, onChanged }: { readonly standing: Referral; readonly onChanged: () => Promise<void> }) {
  const { code, referred_by, share_percent, total_referred, total_rewards_micro_usd } = standing;
  return (
    <>
      {code === null ? (
        <>
          <p>With a code of yours, you get {share_percent}% of the operator's part of what those pay who come with it. A code stays.</p>
          <CodeForm label="Your code" action="Take it" path="/v1/referral/register" onDone={onChanged} />
        </>
      ) : (
        <>
          <p>
            Your code is <code>{code}</code>.{" "}
            <button type="button" className="quiet" onClick={() => navigator.clipboard.writeText(code)}>
              Copy
            </button>
          </p>
          <dl>
            <dt>Came with it</dt>
            <dd>{total_referred.toLocaleString()}</dd>
            <dt>Earned with it</dt>
            <dd>{shownUsd(total_rewards_micro_usd)}</dd>
            <dt>Your share of the operator's part</dt>
            <dd>{share_percent}%</dd>
          </dl>
        </>
      )}
      <h3>Who brought you</h3>
      {referred_by === null ? (
        <CodeForm label="Their code" action="Say so" path="/v1/referral/apply" onDone={onChanged} hint="Once, for good." />
      ) : (
        <p>
          You came with <code>{referred_by}</code>.
        </p>
      )}
    </>
  );
}

interface CodeFormProps {
  readonly label: string;
  readonly action: string;
  readonly path: string;
  readonly hint?: string;
  readonly onDone: () => Promise<void>;
}

function CodeForm({ label, action, path, hint, onDone }: CodeFormProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { code = "" } = filledIn(event.currentTarget);
    void attempt(async () => {
      await ask("POST", path, { code: code.trim() });
      await onDone();
    });
  };
  return (
    <form onSubmit={submit} aria-label={label}>
      <Problem text={problem} />
      <Field label={label} name="code" {...(hint === undefined ? {} : { hint })} {...CODE} required />
      <button type="submit" className="plain" disabled={isBusy}>
        {action}
      </button>
    </form>
  );
}
