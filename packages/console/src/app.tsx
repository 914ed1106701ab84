import { useCallback, useEffect, useState } from "react";
import { AdminPage } from "./admin/admin-page.js";
import { Chat } from "./chat.js";
import { KeyForm } from "./key-form.js";
import { LinkPage } from "./link/link-page.js";
import { AccountPage } from "./money/account-page.js";
import { BillingPage } from "./money/billing-page.js";
import { EarningsPage } from "./money/earnings-page.js";
import { InvitesPage } from "./money/invites-page.js";
import { UsagePage } from "./money/usage-page.js";
import { Network } from "./network.js";
import { ask, type Person, type PublicConfig, publicConfig, whoIsHere } from "./people/auth-api.js";
import { KeysPage } from "./people/keys-page.js";
import { ForgotPage, ResetPage } from "./people/password-pages.js";
import { Problem } from "./people/problem.js";
import { signInFrom } from "./people/return-to.js";
import { SettingsPage } from "./people/settings-page.js";
import { SetupPage } from "./people/setup-page.js";
import { SignInPage } from "./people/sign-in-page.js";
import { SignUpPage } from "./people/sign-up-page.js";

/** Where the key is kept: this tab only, so that closing it forgets the key. */
const KEY_STORAGE = "umbel-api-key";
/** Tells the other tabs that somebody has signed out. */
const SIGNED_OUT = "umbel-signed-out";

/** Where somebody who has signed in may go. */
const PLACES: readonly { readonly path: string; readonly name: string; readonly isForOperators?: boolean }[] = [
  { path: "/billing", name: "Billing" },
  { path: "/usage", name: "Usage" },
  { path: "/earnings", name: "Earnings" },
  { path: "/invites", name: "Invites" },
  { path: "/keys", name: "Keys" },
  { path: "/admin", name: "Administration", isForOperators: true },
];

interface Here {
  readonly config: PublicConfig;
  readonly person: Person | undefined;
}

export function App() {
  const [here, setHere] = useState<Here>();
  const [problem, setProblem] = useState<string>();
  const look = useCallback(async () => {
    try {
      const [config, person] = await Promise.all([publicConfig(), whoIsHere()]);
      setHere({ config, person });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }, []);
  useEffect(() => {
    void look();
    const channel = new BroadcastChannel(SIGNED_OUT);
    channel.onmessage = () => window.location.assign("/");
    return () => channel.close();
  }, [look]);
  return (
    <main>
      <header>
        <div>
          <h1>
            <a href="/">Umbel</a>
          </h1>
          <p>A private inference network.</p>
        </div>
        {here !== undefined && <Navigation {...here} />}
      </header>
      <Problem text={problem} />
      {here !== undefined && <Page {...here} onChanged={look} />}
    </main>
  );
}

function Navigation({ config, person }: Here) {
  if (person === undefined) {
    return <nav aria-label="Account">{config.setup_needed ? <a href="/setup">Set up</a> : <a href={signInFrom("/")}>Sign in</a>}</nav>;
  }
  const signOut = async () => {
    sessionStorage.clear();
    await ask("POST", "/api/auth/sign-out");
    new BroadcastChannel(SIGNED_OUT).postMessage("");
    window.location.assign("/");
  };
  return (
    <nav aria-label="Account">
      {PLACES.filter(({ isForOperators }) => person.operator || !isForOperators).map(({ path, name }) => (
        <a key={path} href={path} {...(window.location.pathname === path ? { "aria-current": "page" } : {})}>
          {name}
        </a>
      ))}
      <a href="/settings">{person.display_name || person.email || "Settings"}</a>
      <button type="button" className="quiet" onClick={signOut}>
        Sign out
      </button>
    </nav>
  );
}

function Page({ config, person, onChanged }: Here & { readonly onChanged: () => Promise<void> }) {
  const { pathname, search, hash } = window.location;
  switch (pathname) {
    case "/link":
      return <LinkPage offeredCode={new URLSearchParams(search).get("user_code") ?? ""} isSignedIn={person !== undefined} />;
    case "/setup":
      return <SetupPage hash={hash} />;
    case "/sign-in":
      return <SignInPage config={config} search={search} />;
    case "/sign-up":
      return <SignUpPage config={config} search={search} />;
    case "/forgot":
      return <ForgotPage />;
    case "/reset-password":
      return <ResetPage search={search} />;
    case "/":
      return <Overview person={person} />;
    default:
      return person === undefined ? <ToSignIn /> : <OwnPage person={person} config={config} onChanged={onChanged} />;
  }
}

interface OwnPageProps {
  readonly person: Person;
  readonly config: PublicConfig;
  readonly onChanged: () => Promise<void>;
}

/** Pages for somebody who has signed in. */
function OwnPage({ person, config, onChanged }: OwnPageProps) {
  const { pathname, search } = window.location;
  switch (pathname) {
    case "/keys":
      return <KeysPage />;
    case "/settings":
      return <SettingsPage person={person} config={config} onChanged={onChanged} />;
    case "/billing":
      return <BillingPage search={search} />;
    case "/usage":
      return <UsagePage search={search} />;
    case "/earnings":
      return <EarningsPage person={person} config={config} />;
    case "/invites":
      return <InvitesPage />;
    case "/account":
      return <AccountPage person={person} config={config} />;
    case "/admin":
      return <AdminPage person={person} search={search} />;
    default:
      return <Overview person={person} />;
  }
}

function ToSignIn() {
  const { pathname, search } = window.location;
  return (
    <section className="card narrow">
      <p>This page is for people who have signed in.</p>
      <a href={signInFrom(pathname, search)}>Sign in</a>
    </section>
  );
}

function Overview({ person }: { readonly person: Person | undefined }) {
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem(KEY_STORAGE) ?? "");
  const keep = (key: string) => {
    if (key === "") sessionStorage.removeItem(KEY_STORAGE);
    else sessionStorage.setItem(KEY_STORAGE, key);
    setApiKey(key);
  };
  if (apiKey === "" && person === undefined) return <KeyForm onKey={keep} />;
  return (
    <>
      <Network apiKey={apiKey} onForget={apiKey === "" ? undefined : () => keep("")} />
      <Chat apiKey={apiKey} />
    </>
  );
}
