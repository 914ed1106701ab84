import { type FormEvent, useCallback } from "react";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask, type Person, type PublicConfig, Refusal } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { useConfirmation } from "../people/use-confirmation.js";

interface Erasure {
  readonly scheduled_for: string;
}

interface AccountPageProps {
  readonly person: Person;
  readonly config: PublicConfig;
}

/** What is kept of an account: a copy of it, who sees it, and its end. */
export function AccountPage({ person, config }: AccountPageProps) {
  return (
    <>
      <section className="card" aria-label="Your data">
        <h2>Your data</h2>
        <p>
          Everything that is kept of your account but secrets, as a zip of JSON files. What you ask models and what they answer is not kept.
        </p>
        <a className="button" href="/v1/me/export" download>
          Download a copy
        </a>
      </section>
      <VisibilityCard />
      <ErasureCard person={person} config={config} />
    </>
  );
}

function VisibilityCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const visibility = useLoaded(useCallback(() => ask<{ readonly listed: boolean }>("GET", "/v1/me/visibility"), []));
  return (
    <Panel title="Leaderboard" loaded={visibility}>
      {({ listed }) => (
        <>
          <Problem text={problem} />
          <label className="choice">
            <input
              type="checkbox"
              checked={listed}
              disabled={isBusy}
              onChange={() =>
                attempt(async () => {
                  await ask("PUT", "/v1/me/visibility", { listed: !listed });
                  await visibility.reload();
                })
              }
            />
            Show what my machines earn in public lists, under a made-up name
          </label>
        </>
      )}
    </Panel>
  );
}

async function erasureOf(): Promise<Erasure | null> {
  try {
    return await ask<Erasure>("GET", "/v1/me/erase");
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

function ErasureCard({ person, config }: AccountPageProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const { confirmed, dialog } = useConfirmation(config, person);
  const erasure = useLoaded(erasureOf);
  const name = person.email ?? person.account_id;
  const erase = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { confirm = "", forfeit } = filledIn(event.currentTarget);
    void attempt(async () => {
      await confirmed(() => ask("POST", "/v1/me/erase", { confirm, forfeit: forfeit === "on" }));
      await erasure.reload();
    });
  };
  const keep = () =>
    attempt(async () => {
      await ask("DELETE", "/v1/me/erase");
      await erasure.reload();
    });
  return (
    <>
      {dialog}
      <Panel title="End this account" loaded={erasure}>
        {(scheduled) =>
          scheduled === null ? (
            <form onSubmit={erase} aria-label="End this account">
              <ul>
                <li>At once: your keys stop working, and your machines are unlinked.</li>
                <li>
                  After two weeks, unless the operator has set another time: everything personal is erased. Until then you can think better
                  of it here.
                </li>
                <li>What was paid and earned stays in the books, without your name.</li>
              </ul>
              <Problem text={problem} />
              <Field label={`Write ${name} to confirm`} name="confirm" autoComplete="off" maxLength={320} required />
              <label className="choice">
                <input type="checkbox" name="forfeit" />
                Give up what is on the account
              </label>
              <button type="submit" className="danger" disabled={isBusy}>
                End this account
              </button>
            </form>
          ) : (
            <>
              <p className="warning">
                This account ends on <When at={scheduled.scheduled_for} />.
              </p>
              <Problem text={problem} />
              <button type="button" disabled={isBusy} onClick={keep}>
                Keep it
              </button>
              <p className="hint">Your keys work again then; machines have to be linked anew.</p>
            </>
          )
        }
      </Panel>
    </>
  );
}
