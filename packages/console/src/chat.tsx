import { type FormEvent, useId, useRef, useState } from "react";
import { streamChat } from "./api.js";

interface Turn {
  readonly id: number;
  readonly role: "user" | "assistant";
  readonly content: string;
}

const MODEL = "sprout";

export function Chat({ apiKey }: { readonly apiKey: string }) {
  const inputId = useId();
  const [turns, setTurns] = useState<readonly Turn[]>([]);
  const [error, setError] = useState<string>();
  const [running, setRunning] = useState<AbortController>();
  const nextId = useRef(0);

  const ask = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const question = String(new FormData(form).get("message") ?? "").trim();
    if (question === "" || running !== undefined) return;
    form.reset();
    const asked: readonly Turn[] = [...turns, { id: nextId.current++, role: "user", content: question }];
    const answerId = nextId.current++;
    const stop = new AbortController();
    let answer = "";
    setTurns(asked);
    setError(undefined);
    setRunning(stop);
    try {
      const messages = asked.map(({ role, content }) => ({ role, content }));
      for await (const piece of streamChat({ model: MODEL, messages }, apiKey, stop.signal)) {
        answer += piece;
        setTurns([...asked, { id: answerId, role: "assistant", content: answer }]);
      }
    } catch (cause) {
      if (!stop.signal.aborted) setError(cause instanceof Error ? cause.message : String(cause));
    } finally {
      setRunning(undefined);
    }
  };

  return (
    <section className="card" aria-label="Chat">
      <ol className="turns" aria-live="polite">
        {turns.map((turn) => (
          <li key={turn.id} className={turn.role}>
            {turn.content}
          </li>
        ))}
      </ol>
      {error !== undefined && (
        <p role="alert" className="error">
          {error}
        </p>
      )}
      <form onSubmit={ask}>
        <label htmlFor={inputId}>Message to {MODEL}</label>
        <input id={inputId} name="message" autoComplete="off" placeholder="What is the capital of France?" />
        {running === undefined ? (
          <button type="submit">Send</button>
        ) : (
          <button type="button" onClick={() => running.abort()}>
            Stop
          </button>
        )}
      </form>
    </section>
  );
}
