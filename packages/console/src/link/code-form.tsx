import { type FormEvent, useId } from "react";
import { isWhole, shownCode } from "./user-code.js";

interface CodeFormProps {
  readonly code: string;
  /** Whether the code came with the address, which somebody else may have written. */
  readonly wasOffered: boolean;
  readonly isBusy: boolean;
  readonly onCode: (code: string) => void;
  readonly onSubmit: () => void;
}

export function CodeForm({ code, wasOffered, isBusy, onCode, onSubmit }: CodeFormProps) {
  const id = useId();
  const hint = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isWhole(code)) onSubmit();
  };
  return (
    <form className="card" onSubmit={submit}>
      <label htmlFor={id}>Code on the machine's screen</label>
      <input
        id={id}
        className="code"
        value={code}
        onChange={(event) => onCode(shownCode(event.currentTarget.value))}
        aria-describedby={hint}
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
        placeholder="XXXX-XXXX"
      />
      <p id={hint} className={wasOffered ? "warning" : "hint"}>
        {wasOffered
          ? "This code came with the link that you followed. Go on only if the same code is on the screen of your own machine."
          : "It is shown by umbel provider login. Never enter a code that somebody has sent or told you."}
      </p>
      <button type="submit" disabled={!isWhole(code) || isBusy}>
        Show the machine
      </button>
    </form>
  );
}
