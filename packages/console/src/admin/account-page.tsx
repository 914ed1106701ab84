import { type FormEvent, useCallback, useState } from "react";
import type { Entry } from "../money/billing-api.js";
import { JournalCard } from "../money/journal-card.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask, Refusal } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { stateOf, type User } from "./user.js";

/** One account: what it has, what moved, and what an operator may change of it. */
export function AccountPage({ id }: { readonly id: string }) {
  const [changes, setChanges] = useState(0);
  const user = useLoaded(
    useCallback(async () => {
      const { data } = await ask<{ data: readonly User[] }>("GET", `/v1/admin/users?${new URLSearchParams({ q: id, limit: "200" })}`);
      const found = data.find(({ account_id }) => account_id === id);
      if (found === undefined) throw new Refusal("There is no such account.", 404, "not_found");
      return found;
    }, [id]),
  );
  const entries = useCallback(
    async (cursor: string | undefined) => {
      const query = new URLSearchParams({ limit: "20", ...(cursor === undefined ? {} : { cursor }) });
      const list = await ask<{ data: readonly Entry[]; next: number | null }>(
        "GET",
        `/v1/admin/users/${encodeURIComponent(id)}/ledger?${query}`,
      );
      return { rows: list.data, next: list.next };
    },
    [id],
  );
  const changed = async () => {
    setChanges((count) => count + 1);
    await user.reload();
  };
  return (
    <>
      <Panel title={user.value?.email ?? (user.value?.display_name || id)} loaded={user}>
        {(found) => <Facts user={found} />}
      </Panel>
      {user.value !== undefined && user.value.erased_at === null && (
        <>
          <GiftCard user={user.value} onChanged={changed} />
          <TermsCard user={user.value} onChanged={changed} key={`${user.value.role} ${user.value.platform_fee_percent}`} />
          <FreezeCard user={user.value} onChanged={changed} />
        </>
      )}
      <JournalCard title="What moved" load={entries} key={changes} />
    </>
  );
}

function Facts({ user }: { readonly user: User }) {
  return (
    <dl>
      <dt>Account</dt>
      <dd>
        <code>{user.account_id}</code>
      </dd>
      <dt>Can spend</dt>
      <dd>{shownUsd(user.balance_micro_usd)}</dd>
      <dt>Earned</dt>
      <dd>{shownUsd(user.withdrawable_micro_usd)}</dd>
      <dt>Held</dt>
      <dd>{shownUsd(user.held_micro_usd)}</dd>
      <dt>Keys, machines</dt>
      <dd>
        {user.keys}, {user.machines}
      </dd>
      <dt>Since</dt>
      <dd>
        <When at={user.created_at} />
      </dd>
      <dt>Last used</dt>
      <dd>
        <When at={user.last_used_at} />
      </dd>
      <dt>State</dt>
      <dd>{stateOf(user) || "in use"}</dd>
    </dl>
  );
}

interface ChangeProps {
  readonly user: User;
  readonly onChanged: () => Promise<void>;
}

function GiftCard({ user, onChanged }: ChangeProps) {
  const { attempt, isBusy, problem } = useAttempt();
  // A form that is sent twice gives once.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const [given, setGiven] = useState<string>();
  const give = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { kind = "credit", amount_usd = "", note = "" } = filledIn(form);
    setGiven(undefined);
    void attempt(async () => {
      const body = { account_id: user.account_id, amount_usd: amount_usd.trim(), note };
      await ask("POST", `/v1/admin/${kind === "reward" ? "reward" : "credit"}`, body, key);
      setKey(crypto.randomUUID());
      setGiven(amount_usd.trim());
      form.reset();
      await onChanged();
    });
  };
  return (
    <form className="card" onSubmit={give} aria-label="Give">
      <h2>Give</h2>
      <Problem text={problem} />
      {given !== undefined && (
        <p role="status" className="good">
          ${given} were given.
        </p>
      )}
      <fieldset>
        <legend>What</legend>
        <label className="choice">
          <input type="radio" name="kind" value="credit" defaultChecked />
          Credit: to be spent, not withdrawn
        </label>
        <label className="choice">
          <input type="radio" name="kind" value="reward" />
          Reward: as if it were earned
        </label>
      </fieldset>
      <Field
        label="Amount in USD"
        name="amount_usd"
        inputMode="decimal"
        pattern="\s*\d{1,9}(\.\d{1,6})?\s*"
        title="Such as 5 or 2.50"
        required
      />
      <Field label="Why" name="note" maxLength={200} hint="Kept in the books and the audit." required />
      <button type="submit" disabled={isBusy}>
        Give
      </button>
    </form>
  );
}

function TermsCard({ user, onChanged }: ChangeProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const set = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { role = "", fee = "" } = filledIn(event.currentTarget);
    const { account_id } = user;
    const percent = fee.trim() === "" ? null : Number(fee);
    void attempt(async () => {
      if (role !== user.role) await ask("PUT", "/v1/admin/users/role", { account_id, role });
      if (percent !== user.platform_fee_percent) {
        await ask("PUT", "/v1/admin/users/platform-fee", { account_id, platform_fee_percent: percent });
      }
      await onChanged();
    });
  };
  return (
    <form className="card" onSubmit={set} aria-label="Terms">
      <h2>Terms</h2>
      <Problem text={problem} />
      <label className="field">
        Role
        <select name="role" defaultValue={user.role}>
          <option value="">ordinary</option>
          <option value="service">service: list prices, no least charge, wider limits</option>
        </select>
      </label>
      <Field
        label="Operator's share in percent"
        name="fee"
        type="number"
        min={0}
        max={100}
        step={1}
        defaultValue={user.platform_fee_percent ?? ""}
        hint="Of what this account pays. Empty is that of the network."
      />
      <button type="submit" className="plain" disabled={isBusy}>
        Set
      </button>
    </form>
  );
}

function FreezeCard({ user, onChanged }: ChangeProps) {
  const { attempt, isBusy, problem } = useAttempt();
  const isFrozen = user.frozen_reason !== null;
  const path = `/v1/admin/users/${encodeURIComponent(user.account_id)}/${isFrozen ? "unfreeze" : "freeze"}`;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { reason } = filledIn(event.currentTarget);
    void attempt(async () => {
      await ask("POST", path, isFrozen ? {} : { reason });
      await onChanged();
    });
  };
  return (
    <form className="card" onSubmit={submit} aria-label={isFrozen ? "Unfreeze" : "Freeze"}>
      <h2>{isFrozen ? "Frozen" : "Freeze"}</h2>
      <Problem text={problem} />
      {isFrozen ? (
        <p className="warning">{user.frozen_reason}</p>
      ) : (
        <Field
          label="Why"
          name="reason"
          maxLength={200}
          hint="A frozen account neither asks models nor withdraws. Its owner is told why."
          required
        />
      )}
      <button type="submit" className={isFrozen ? "" : "danger"} disabled={isBusy}>
        {isFrozen ? "Let it go on" : "Freeze this account"}
      </button>
    </form>
  );
}
