import { type FormEvent, useId } from "react";
import { signInFrom } from "../people/return-to.js";

/** Who may decide: somebody who has signed in. An API key is not enough, because it lies about in programs. */
export function SessionForm({ onSession }: { readonly onSession: (token: string) => void }) {
  const id = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get("session") ?? "").trim();
    if (token !== "") onSession(token);
  };
  return (
    <form className="card" onSubmit={submit}>
      <p>
        <a href={signInFrom("/link", window.location.search)}>Sign in</a> to say whose machine this is, or use a session token:
      </p>
      <label htmlFor={id}>Session token of your account</label>
      <input id={id} name="session" type="password" autoComplete="off" placeholder="eyJ…" required />
      <button type="submit">Use it</button>
      <p className="hint">
        Made with <code>umbel session</code> where the coordinator keeps its state. It stays in this tab. API keys are not accepted here.
      </p>
    </form>
  );
}
