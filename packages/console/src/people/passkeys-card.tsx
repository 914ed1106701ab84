import { type FormEvent, useCallback, useEffect, useState } from "react";
import { ask } from "./auth-api.js";
import { Field, filledIn } from "./field.js";
import { addPasskey } from "./passkeys.js";
import { Problem } from "./problem.js";
import { useAttempt } from "./use-attempt.js";

interface Passkey {
  readonly id: string;
  readonly name: string | null;
  readonly createdAt: string | null;
}

export function PasskeysCard() {
  const { attempt, isBusy, problem } = useAttempt();
  const [passkeys, setPasskeys] = useState<readonly Passkey[]>([]);
  const load = useCallback(async () => setPasskeys(await ask<readonly Passkey[]>("GET", "/api/auth/passkey/list-user-passkeys")), []);
  useEffect(() => {
    load().catch(() => setPasskeys([]));
  }, [load]);
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { name = "" } = filledIn(form);
    void attempt(async () => {
      await addPasskey(name);
      form.reset();
      await load();
    });
  };
  const remove = (id: string) =>
    attempt(async () => {
      await ask("POST", "/api/auth/passkey/delete-passkey", { id });
      await load();
    });
  return (
    <form className="card" onSubmit={add} aria-label="Passkeys">
      <h3>Passkeys</h3>
      <p className="hint">Sign in with this device's screen lock, or a security key, instead of a password.</p>
      <Problem text={problem} />
      <ul className="rows">
        {passkeys.map(({ id, name, createdAt }) => (
          <li key={id}>
            <span>
              <strong>{name || "Passkey"}</strong>
              {createdAt !== null && <span className="hint"> since {new Date(createdAt).toLocaleDateString()}</span>}
            </span>
            <button type="button" className="plain" disabled={isBusy} onClick={() => remove(id)}>
              Remove
            </button>
          </li>
        ))}
      </ul>
      <Field label="Name of a new one" name="name" placeholder="Laptop" maxLength={60} required />
      <button type="submit" disabled={isBusy}>
        Add a passkey
      </button>
    </form>
  );
}
