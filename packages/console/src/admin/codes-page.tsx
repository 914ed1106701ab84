import { type FormEvent, useState } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { usePages } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";

interface Invite {
  readonly code: string;
  readonly amount_usd: string;
  readonly max_uses: number;
  readonly used_count: number;
  readonly active: boolean;
  readonly expires_at: string | null;
}

async function invitesOf(cursor: string | undefined) {
  const query = new URLSearchParams({ limit: "50", ...(cursor === undefined ? {} : { cursor }) });
  const list = await ask<{ data: readonly Invite[]; next: string | null }>("GET", `/v1/admin/invite-codes?${query}`);
  return { rows: list.data, next: list.next };
}

/** Codes that are worth money to spend. */
export function CodesPage() {
  const { attempt, isBusy, problem } = useAttempt();
  const { more, ...loaded } = usePages(invitesOf);
  const end = (code: string) =>
    attempt(async () => {
      await ask("DELETE", "/v1/admin/invite-codes", { code });
      await loaded.reload();
    });
  return (
    <>
      <NewCodeCard onMade={loaded.reload} />
      <Panel title="Invite codes" loaded={loaded}>
        {(invites) => (
          <>
            <Problem text={problem} />
            <DataTable
              caption="Invite codes, latest first"
              rows={invites}
              keyOf={({ code }) => code}
              empty="There are no invite codes."
              more={more}
              columns={[
                { title: "Code", of: ({ code }) => <code>{code}</code> },
                { title: "Worth", isNumber: true, of: ({ amount_usd }) => `$${amount_usd.replace(/0{1,4}$/, "")}` },
                {
                  title: "Used",
                  isNumber: true,
                  of: ({ used_count, max_uses }) => `${used_count} of ${max_uses === 0 ? "any" : max_uses}`,
                },
                { title: "State", of: stateOf },
                {
                  title: "",
                  of: ({ code, active }) =>
                    active && (
                      <button type="button" className="plain" disabled={isBusy} onClick={() => end(code)} aria-label={`End ${code}`}>
                        End
                      </button>
                    ),
                },
              ]}
            />
          </>
        )}
      </Panel>
    </>
  );
}

function NewCodeCard({ onMade }: { readonly onMade: () => Promise<void> }) {
  const { attempt, isBusy, problem } = useAttempt();
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [made, setMade] = useState<string>();
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { code = "", amount_usd = "", uses = "", expires = "" } = filledIn(form);
    setMade(undefined);
    void attempt(async () => {
      const body = {
        amount_usd: amount_usd.trim(),
        ...(code.trim() === "" ? {} : { code: code.trim() }),
        ...(uses === "" ? { unlimited: true } : { max_uses: Number(uses) }),
        ...(expires === "" ? {} : { expires_at: `${expires}T00:00:00Z` }),
      };
      const invite = await ask<Invite>("POST", "/v1/admin/invite-codes", body, key);
      setKey(crypto.randomUUID());
      setMade(invite.code);
      form.reset();
      await onMade();
    });
  };
  return (
    <form className="card" onSubmit={make} aria-label="New invite code">
      <h2>New invite code</h2>
      <Problem text={problem} />
      {made !== undefined && (
        <p role="status" className="good">
          The code is <code>{made}</code>.
        </p>
      )}
      <div className="columns">
        <Field
          label="Worth in USD"
          name="amount_usd"
          inputMode="decimal"
          pattern="\s*\d{1,9}(\.\d{1,6})?\s*"
          title="Such as 5 or 2.50"
          required
        />
        <Field
          label="Accounts that may redeem it"
          name="uses"
          type="number"
          min={1}
          step={1}
          defaultValue={1}
          hint="Empty is any number."
        />
        <Field
          label="Code"
          name="code"
          pattern="[A-Za-z0-9\-]{3,20}"
          maxLength={20}
          hint="Empty is one that nobody guesses."
          autoComplete="off"
        />
        <Field label="Ends" name="expires" type="date" hint="At its beginning, UTC. Empty is never." />
      </div>
      <button type="submit" disabled={isBusy}>
        Make it
      </button>
    </form>
  );
}

function stateOf({ active, expires_at }: Invite): string {
  if (!active) return "ended";
  return expires_at === null
    ? "valid"
    : `until ${new Date(expires_at).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" })}`;
}
