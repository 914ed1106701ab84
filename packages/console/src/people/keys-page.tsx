import { type FormEvent, useCallback, useEffect, useState } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";

interface Key {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly disabled: boolean;
  readonly limit_usd: number | null;
  readonly limit_reset: string;
  readonly usage_usd: number;
  readonly last_used_at: string | null;
}

interface Issued {
  readonly key: string;
  readonly data: Key;
}

/** The API keys of the account; a secret is shown once, and kept nowhere. */
export function KeysPage() {
  const { attempt, isBusy, problem } = useAttempt();
  const [keys, setKeys] = useState<readonly Key[]>();
  const [issued, setIssued] = useState<Issued>();
  const load = useCallback(async () => setKeys((await ask<{ data: readonly Key[] }>("GET", "/v1/keys")).data), []);
  useEffect(() => {
    load().catch(() => setKeys([]));
  }, [load]);
  const change = (act: () => Promise<Issued | undefined>) =>
    attempt(async () => {
      setIssued(await act());
      await load();
    });
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { name, limit_usd = "", limit_reset } = filledIn(form);
    const limits = limit_usd === "" ? {} : { limit_usd: Number(limit_usd), limit_reset };
    void change(async () => {
      const answer = await ask<Issued>("POST", "/v1/keys", { name, ...limits });
      form.reset();
      return answer;
    });
  };

  return (
    <>
      <section className="card" aria-label="API keys">
        <h2>API keys</h2>
        <Problem text={problem} />
        {issued !== undefined && (
          <div className="good" aria-live="polite">
            <p>
              The key <strong>{issued.data.name || issued.data.id}</strong>. It is shown this once:
            </p>
            <code className="secret">{issued.key}</code>
            <button type="button" className="plain" onClick={() => navigator.clipboard.writeText(issued.key)}>
              Copy
            </button>
          </div>
        )}
        {keys?.length === 0 && <p className="hint">No keys yet. An application calls the API with one.</p>}
        <ul className="rows">
          {keys?.map((key) => (
            <li key={key.id}>
              <span>
                <strong>{key.name || "Unnamed"}</strong> <code>{key.label}</code>
                {key.disabled && " (disabled)"}
                <br />
                <span className="hint">{usageInWords(key)}</span>
              </span>
              <span className="actions">
                <button
                  type="button"
                  className="plain"
                  disabled={isBusy}
                  onClick={() => change(async () => void (await ask("PATCH", `/v1/keys/${key.id}`, { disabled: !key.disabled })))}
                >
                  {key.disabled ? "Enable" : "Disable"}
                </button>
                <button
                  type="button"
                  className="plain"
                  disabled={isBusy}
                  onClick={() =>
                    window.confirm("Give this key a new secret? The old one stops working at once.") &&
                    change(() => ask<Issued>("POST", `/v1/keys/${key.id}/rotate`))
                  }
                >
                  Rotate
                </button>
                <button
                  type="button"
                  className="plain"
                  disabled={isBusy}
                  onClick={() =>
                    window.confirm("Revoke this key for good?") && change(async () => void (await ask("DELETE", `/v1/keys/${key.id}`)))
                  }
                >
                  Revoke
                </button>
              </span>
            </li>
          ))}
        </ul>
      </section>
      <form className="card" onSubmit={make} aria-label="New key">
        <h3>New key</h3>
        <Field label="Name" name="name" placeholder="Build server" maxLength={100} required />
        <Field label="Spend limit in USD" name="limit_usd" type="number" min="0" max="1000000" step="0.01" hint="Empty is no limit." />
        <label className="field">
          The limit counts anew
          <select name="limit_reset" defaultValue="monthly">
            <option value="none">never</option>
            <option value="daily">every day</option>
            <option value="weekly">every week</option>
            <option value="monthly">every month</option>
          </select>
        </label>
        <button type="submit" disabled={isBusy}>
          Make a key
        </button>
      </form>
    </>
  );
}

function usageInWords({ usage_usd, limit_usd, limit_reset, last_used_at }: Key): string {
  const limit = limit_usd === null ? "" : ` of $${limit_usd.toFixed(2)}${limit_reset === "none" ? "" : ` ${limit_reset}`}`;
  const spent = usage_usd > 0 && usage_usd < 0.01 ? usage_usd.toFixed(6) : usage_usd.toFixed(2);
  return `$${spent}${limit} spent, ${last_used_at === null ? "never used" : `last used ${new Date(last_used_at).toLocaleString()}`}`;
}
