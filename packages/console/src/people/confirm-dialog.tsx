import { useEffect, useRef } from "react";
import type { PublicConfig } from "./auth-api.js";
import { SignInForm } from "./sign-in-form.js";

interface ConfirmDialogProps {
  readonly config: PublicConfig;
  readonly email: string | null;
  readonly onConfirmed: () => Promise<void> | void;
  readonly onCancel: () => void;
}

/** Asks whoever is signed in to sign in again, over the page that needs it. The session so far ends when the new one begins. */
export function ConfirmDialog({ config, email, onConfirmed, onCancel }: ConfirmDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="card narrow" aria-label="Confirm that it is you" onCancel={onCancel}>
      <h2>Confirm that it is you</h2>
      <p className="hint">This needs a sign-in of the last minutes.</p>
      <SignInForm config={config} comeBackTo={window.location.pathname} email={email ?? undefined} onSignedIn={onConfirmed} />
      <button type="button" className="quiet" onClick={onCancel}>
        Cancel
      </button>
    </dialog>
  );
}
