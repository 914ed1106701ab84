import { useCallback, useEffect, useState } from "react";
import { ask } from "./auth-api.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";

interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly user_agent: string;
  readonly network: string;
  readonly created_at: string;
}

/** Where the account is signed in. */
export function SessionsCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const [sessions, setSessions] = useState<readonly Session[]>();
  const load = useCallback(async () => setSessions((await ask<{ data: readonly Session[] }>("GET", "/v1/me/sessions")).data), []);
  useEffect(() => {
    load().catch(() => setSessions([]));
  }, [load]);
  const end = (act: () => Promise<unknown>) =>
    attempt(async () => {
      await act();
      await load();
    });
  return (
    <section className="card" aria-label="Sessions">
      <h3>Where you are signed in</h3>
      <Problem text={problem} />
      <ul className="rows">
        {sessions?.map(({ id, current, user_agent, network, created_at }) => (
          <li key={id}>
            <span>
              <strong>{deviceInWords(user_agent)}</strong>
              {current && " — here"}
              <br />
              <span className="hint">
                {network || "network not known"}, since {new Date(created_at).toLocaleString()}
              </span>
            </span>
            {!current && (
              <button type="button" className="plain" disabled={isBusy} onClick={() => end(() => ask("DELETE", `/v1/me/sessions/${id}`))}>
                Sign out
              </button>
            )}
          </li>
        ))}
      </ul>
      {(sessions?.length ?? 0) > 1 && (
        <button type="button" className="plain" disabled={isBusy} onClick={() => end(() => ask("POST", "/v1/me/sessions/revoke-others"))}>
          Sign out everywhere else
        </button>
      )}
    </section>
  );
}

const BROWSERS = ["Edg", "OPR", "Firefox", "Chrome", "Safari"] as const;
const NAMES: Readonly<Record<string, string>> = { Edg: "Edge", OPR: "Opera" };

/** As much of it as its owner needs to know it again. */
function deviceInWords(userAgent: string): string {
  if (/^umbel/i.test(userAgent)) return userAgent;
  const browser = BROWSERS.find((name) => userAgent.includes(`${name}/`));
  const system = /\((?:X11; )?([^;)]+)/.exec(userAgent)?.[1];
  if (browser === undefined) return userAgent.slice(0, 40) || "A program";
  return `${NAMES[browser] ?? browser}${system === undefined ? "" : `, ${system}`}`;
}
