import type { PublicConfig } from "./auth-api.js";
import { returnTo } from "./return-to.js";
import { SignInForm } from "./sign-in-form.js";
import { whatWentWrong } from "./what-went-wrong.js";

interface SignInPageProps {
  readonly config: PublicConfig;
  readonly search: string;
}

export function SignInPage({ config, search }: SignInPageProps) {
  const query = new URLSearchParams(search);
  const goOn = () => window.location.assign(returnTo(search));
  return (
    <section className="card narrow">
      <h2>Sign in</h2>
      {query.has("verified") && <p className="good">Your address is confirmed. Sign in now.</p>}
      {query.has("reset") && <p className="good">Your new password is set. Sign in with it.</p>}
      <SignInForm config={config} comeBackTo={returnTo(search)} earlier={whatWentWrong(query.get("error"))} onSignedIn={goOn} />
      {config.registration !== "closed" && (
        <p className="hint">
          No account yet? <a href="/sign-up">Sign up</a>
          {config.registration === "invite" && ", if your address is invited"}.
        </p>
      )}
    </section>
  );
}
