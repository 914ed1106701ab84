import { type ReactNode, useState } from "react";
import { type Person, type PublicConfig, Refusal, whoIsHere } from "./auth-api.js";
import { ConfirmDialog } from "./confirm-dialog.js";

interface Waiting {
  readonly goOn: () => void;
  readonly giveUp: () => void;
}

/** Runs what only somebody may do who has just signed in: where that is too long ago, they are asked to do so again, and then it is repeated. */
export function useConfirmation(
  config: PublicConfig,
  person: Person,
): { readonly confirmed: <Answer>(act: () => Promise<Answer>) => Promise<Answer>; readonly dialog: ReactNode } {
  const [waiting, setWaiting] = useState<Waiting>();
  async function confirmed<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Refusal && error.code === "confirmation_required")) throw error;
      await new Promise<void>((goOn, reject) => setWaiting({ goOn, giveUp: () => reject(new Error("Nothing was changed.")) }));
      return act();
    }
  }
  const end = (next: keyof Waiting) => {
    setWaiting(undefined);
    waiting?.[next]();
  };
  const dialog = waiting && (
    <ConfirmDialog
      config={config}
      email={person.email}
      onCancel={() => end("giveUp")}
      onConfirmed={async () => {
        // What was begun for one account is not done to another.
        if ((await whoIsHere())?.account_id === person.account_id) end("goOn");
        else window.location.reload();
      }}
    />
  );
  return { confirmed, dialog };
}
