import type { Person, PublicConfig } from "./auth-api.js";
import { EmailCard } from "./email-card.js";
import { IdentityProvidersCard } from "./identity-providers-card.js";
import { PasskeysCard } from "./passkeys-card.js";
import { PasswordCard } from "./password-card.js";
import { SecondFactorCard } from "./second-factor-card.js";
import { SessionsCard } from "./sessions-card.js";

interface SettingsPageProps {
  readonly person: Person;
  readonly config: PublicConfig;
  /** Asks anew who is here, because something of it has changed. */
  readonly onChanged: () => Promise<void>;
}

export function SettingsPage({ person, config, onChanged }: SettingsPageProps) {
  return (
    <>
      <section className="card">
        <h2>{person.display_name || "Your account"}</h2>
        <dl>
          <dt>E-mail</dt>
          <dd>{person.email ?? "not confirmed"}</dd>
          <dt>Account</dt>
          <dd>
            <code>{person.account_id}</code>
          </dd>
          <dt>Role</dt>
          <dd>{person.operator ? "operator" : "member"}</dd>
        </dl>
        <a href="/account">A copy of your data, and the end of the account</a>
      </section>
      {person.signs_in_here && (
        <>
          <SessionsCard />
          {config.sign_in.email_code && <EmailCard person={person} config={config} onChanged={onChanged} />}
          <PasswordCard />
          <SecondFactorCard isOn={person.second_factor} onChanged={onChanged} />
          {config.sign_in.passkey && <PasskeysCard />}
          {config.sign_in.providers.length > 0 && (
            <IdentityProvidersCard providers={config.sign_in.providers} search={window.location.search} />
          )}
        </>
      )}
    </>
  );
}
