import { type FormEvent, useState } from "react";
import { ask, type Person, type PublicConfig } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { useConfirmation } from "../people/use-confirmation.js";
import type { PayoutAddress } from "./billing-api.js";

interface AddressFormProps {
  readonly address: PayoutAddress;
  readonly person: Person;
  readonly config: PublicConfig;
  readonly onChanged: () => Promise<void>;
}

/** Where a stablecoin is paid to: an address that has signed for it, because what is sent elsewhere is lost. */
export function AddressForm({ address, person, config, onChanged }: AddressFormProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const { confirmed, dialog } = useConfirmation(config, person);
  const [message, setMessage] = useState<string>();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { wallet = "", signature = "" } = filledIn(event.currentTarget);
    void attempt(async () => {
      if (message === undefined) {
        const challenge = await ask<{ readonly message: string }>("POST", "/v1/billing/chain/challenge", { address: wallet.trim() });
        setMessage(challenge.message);
        return;
      }
      await confirmed(() => ask("PUT", "/v1/billing/chain/address", { signature: signature.trim() }));
      setMessage(undefined);
      await onChanged();
    });
  };
  return (
    <details>
      <summary>{address.address === null ? "Be paid in a stablecoin" : `Stablecoin to ${address.address}`}</summary>
      <form onSubmit={submit} aria-label="Address for a stablecoin">
        <Problem text={problem} />
        {message === undefined ? (
          <Field label="Your address" name="wallet" placeholder="0x…" pattern="\s*0x[0-9a-fA-F]{40}\s*" autoComplete="off" required />
        ) : (
          <>
            <p>Sign this with the wallet of that address:</p>
            <code className="secret">{message}</code>
            <button type="button" className="plain" onClick={() => navigator.clipboard.writeText(message)}>
              Copy
            </button>
            <Field label="Signature" name="signature" placeholder="0x…" autoComplete="off" required />
          </>
        )}
        <button type="submit" disabled={isBusy}>
          {message === undefined ? "Go on" : "Use this address"}
        </button>
      </form>
      {dialog}
    </details>
  );
}
