import { useCallback, useEffect, useState } from "react";
import { ask, type PublicConfig } from "./auth-api.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";
import { whatWentWrong } from "./what-went-wrong.js";

interface Way {
  readonly providerId: string;
  readonly accountId: string;
}

interface IdentityProvidersCardProps {
  readonly providers: PublicConfig["sign_in"]["providers"];
  readonly search: string;
}

/** Accounts elsewhere that sign in to this one. */
export function IdentityProvidersCard({ providers, search }: IdentityProvidersCardProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const [ways, setWays] = useState<readonly Way[]>([]);
  const load = useCallback(async () => setWays(await ask<readonly Way[]>("GET", "/api/auth/list-accounts")), []);
  useEffect(() => {
    load().catch(() => setWays([]));
  }, [load]);
  const add = (provider: string) =>
    attempt(async () => {
      const place = { callbackURL: "/settings", errorCallbackURL: "/settings" };
      const { url } = await ask<{ readonly url: string }>("POST", "/api/auth/link-social", { provider, ...place });
      window.location.assign(url);
    });
  const remove = ({ providerId, accountId }: Way) =>
    attempt(async () => {
      await ask("POST", "/api/auth/unlink-account", { providerId, accountId });
      await load();
    });
  return (
    <section className="card" aria-label="Identity providers">
      <h3>Sign in with</h3>
      <Problem text={problem ?? whatWentWrong(new URLSearchParams(search).get("error"))} />
      <ul className="rows">
        {providers.map(({ id, name }) => {
          const way = ways.find(({ providerId }) => providerId === id);
          return (
            <li key={id}>
              <strong>{name}</strong>
              <button type="button" className="plain" disabled={isBusy} onClick={() => (way === undefined ? add(id) : remove(way))}>
                {way === undefined ? "Add" : "Remove"}
              </button>
            </li>
          );
        })}
      </ul>
      <p className="hint">Its account needs to have the same e-mail address as this one.</p>
    </section>
  );
}
