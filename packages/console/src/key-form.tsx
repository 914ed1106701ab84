import { type FormEvent, useId } from "react";

export function KeyForm({ onKey }: { readonly onKey: (key: string) => void }) {
  const id = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget).get("key") ?? "").trim();
    if (key !== "") onKey(key);
  };
  return (
    <form className="card" onSubmit={submit}>
      <label htmlFor={id}>API key</label>
      <input id={id} name="key" type="password" autoComplete="off" placeholder="sk-um-…" required />
      <button type="submit">Continue</button>
      <p className="hint">
        It is printed when the network starts, or made with <code>umbel keys create</code>. It stays in this tab. Or{" "}
        <a href="/sign-in">sign in</a>.
      </p>
    </form>
  );
}
