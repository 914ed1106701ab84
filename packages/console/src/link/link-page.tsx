import { useState } from "react";
import { CodeForm } from "./code-form.js";
import { type AskingMachine, askingMachine, type Decision, decide, Refusal } from "./device-api.js";
import { MachineCard } from "./machine-card.js";
import { SessionForm } from "./session-form.js";
import { isWhole, shownCode } from "./user-code.js";

/** Where the session is kept: this tab only, so that closing it signs out. */
const SESSION_STORAGE = "umbel-session";
const UNAUTHENTICATED = 401;

interface LinkPageProps {
  /** From the address; shown, and never sent without a press of a button. */
  readonly offeredCode: string;
  /** Whether the browser's cookie says who decides. */
  readonly isSignedIn: boolean;
}

/** Links a machine to the account of whoever is signed in, if its code, its name and its owner's eyes agree (RFC 8628 §3.3, §5.4). */
export function LinkPage({ offeredCode, isSignedIn }: LinkPageProps) {
  const [session, setSession] = useState(() => sessionStorage.getItem(SESSION_STORAGE) ?? "");
  const [code, setCode] = useState(() => shownCode(offeredCode));
  const [machine, setMachine] = useState<AskingMachine>();
  const [decided, setDecided] = useState<Decision>();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  const keep = (token: string) => {
    if (token === "") sessionStorage.removeItem(SESSION_STORAGE);
    else sessionStorage.setItem(SESSION_STORAGE, token);
    setSession(token);
    setProblem(undefined);
  };
  const attempt = async (act: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act();
    } catch (error) {
      setMachine(undefined);
      if (error instanceof Refusal && error.status === UNAUTHENTICATED) keep("");
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <h2>Link a machine</h2>
      {problem !== undefined && (
        <p role="alert" className="error">
          {problem}
        </p>
      )}
      {decided !== undefined ? (
        <Outcome decision={decided} />
      ) : session === "" && !isSignedIn ? (
        <SessionForm onSession={keep} />
      ) : machine === undefined ? (
        <CodeForm
          code={code}
          wasOffered={isWhole(shownCode(offeredCode)) && code === shownCode(offeredCode)}
          isBusy={isBusy}
          onCode={setCode}
          onSubmit={() => attempt(async () => setMachine(await askingMachine(code, session)))}
        />
      ) : (
        <MachineCard
          code={code}
          machine={machine}
          isBusy={isBusy}
          onDecision={(decision) =>
            attempt(async () => {
              await decide(code, decision, session);
              setDecided(decision);
            })
          }
        />
      )}
    </>
  );
}

function Outcome({ decision }: { readonly decision: Decision }) {
  return (
    <section className="card" aria-live="polite">
      <h3>{decision === "approve" ? "The machine is linked" : "The machine was refused"}</h3>
      <p>
        {decision === "approve"
          ? "It goes on by itself within some seconds. You may close this page."
          : "It has got nothing from your account, and was told so. You may close this page."}
      </p>
      {decision === "approve" && (
        <p className="hint">
          To take it back: <code>umbel provider logout</code> on the machine, or revoke its token in your account.
        </p>
      )}
    </section>
  );
}
