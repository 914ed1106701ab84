import { type FormEvent, useCallback } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { usePages } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { stateOf, type User } from "./user.js";

/** Accounts, found by a part of their id, address or name. */
export function AccountsPage({ text }: { readonly text: string }) {
  const { more, ...loaded } = usePages(
    useCallback(
      async (cursor: string | undefined) => {
        const query = new URLSearchParams({ q: text, limit: "50", ...(cursor === undefined ? {} : { cursor }) });
        const list = await ask<{ data: readonly User[]; next: string | null }>("GET", `/v1/admin/users?${query}`);
        return { rows: list.data, next: list.next };
      },
      [text],
    ),
  );
  const find = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { q = "" } = filledIn(event.currentTarget);
    window.location.assign(`/admin?${new URLSearchParams({ view: "accounts", q })}`);
  };
  return (
    <>
      <form className="card" onSubmit={find} aria-label="Find an account">
        <Field label="A part of an id, an address or a name" name="q" type="search" defaultValue={text} />
        <button type="submit">Find</button>
      </form>
      <Panel title="Accounts" loaded={loaded}>
        {(users) => (
          <DataTable
            caption="Accounts, with what they have"
            rows={users}
            keyOf={({ account_id }) => account_id}
            empty="There is no such account."
            more={more}
            columns={[
              {
                title: "Account",
                of: ({ account_id, email, display_name }) => (
                  <a href={`/admin?${new URLSearchParams({ account: account_id })}`}>{email ?? (display_name || account_id)}</a>
                ),
              },
              { title: "Balance", isNumber: true, of: (user) => shownUsd(user.balance_micro_usd) },
              { title: "Earned", isNumber: true, of: (user) => shownUsd(user.withdrawable_micro_usd) },
              { title: "Keys", isNumber: true, of: ({ keys }) => keys },
              { title: "Machines", isNumber: true, of: ({ machines }) => machines },
              { title: "Last used", of: ({ last_used_at }) => <When at={last_used_at} /> },
              { title: "State", of: (user) => stateOf(user) },
            ]}
          />
        )}
      </Panel>
    </>
  );
}
