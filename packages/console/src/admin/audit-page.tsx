import { type FormEvent, useCallback } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { usePages } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";

interface Change {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly before: unknown;
  readonly after: unknown;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Of a change, before somebody wants all of it. */
const SHOWN_characters = 100;

/** Who changed what. */
export function AuditPage({ target }: { readonly target: string }) {
  const { more, ...loaded } = usePages(
    useCallback(
      async (cursor: string | undefined) => {
        const narrowed = target === "" ? {} : { target };
        const query = new URLSearchParams({ limit: "50", ...narrowed, ...(cursor === undefined ? {} : { before: cursor }) });
        const list = await ask<{ data: readonly Change[]; next: number | null }>("GET", `/v1/admin/audit?${query}`);
        return { rows: list.data, next: list.next };
      },
      [target],
    ),
  );
  const narrow = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { target: wanted = "" } = filledIn(event.currentTarget);
    window.location.assign(`/admin?${new URLSearchParams({ view: "audit", target: wanted.trim() })}`);
  };
  return (
    <>
      <form className="card" onSubmit={narrow} aria-label="Narrow down">
        <Field label="Only changes to this account, build, name or release" name="target" type="search" defaultValue={target} />
        <button type="submit">Show</button>
      </form>
      <Panel title="Audit" loaded={loaded}>
        {(changes) => (
          <DataTable
            caption="Changes, latest first"
            rows={changes}
            keyOf={({ id }) => id}
            empty="Nothing was changed."
            more={more}
            columns={[
              { title: "When", of: ({ at }) => <When at={at} /> },
              { title: "Who", of: ({ actor }) => <Name name={actor} /> },
              { title: "What", of: ({ action }) => <span className="short">{action}</span> },
              { title: "Of", of: ({ target: of }) => <Name name={of} /> },
              { title: "Now", of: ({ before, after }) => <Now before={before} after={after} /> },
            ]}
          />
        )}
      </Panel>
    </>
  );
}

/** Accounts by the beginning of their ids, which leads to them. */
function Name({ name }: { readonly name: string }) {
  if (!UUID.test(name)) return <span className="short">{name}</span>;
  return (
    <a href={`/admin?${new URLSearchParams({ account: name })}`} title={name} className="short">
      {name.slice(0, 8)}…
    </a>
  );
}

function Now({ before, after }: Pick<Change, "before" | "after">) {
  const text = JSON.stringify(after) ?? "";
  if (before === null && text.length <= SHOWN_characters) return <code>{text}</code>;
  return (
    <details>
      <summary>
        <code>{text.length > SHOWN_characters ? `${text.slice(0, SHOWN_characters)}…` : text}</code>
      </summary>
      <p>
        <code>{text}</code>
      </p>
      <p className="hint">
        Before: <code>{JSON.stringify(before)}</code>
      </p>
    </details>
  );
}
