import { useCallback } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import type { Statement } from "./billing-api.js";

/** What moved on the account, by the month, as files. */
export function StatementsCard() {
  const loaded = useLoaded(useCallback(async () => (await ask<{ data: readonly Statement[] }>("GET", "/v1/me/statements")).data, []));
  return (
    <Panel title="Statements" loaded={loaded}>
      {(statements) => (
        <DataTable
          caption="Statements by the month"
          rows={statements}
          keyOf={({ month }) => month}
          empty="There is one for each month in which something moves on the account."
          columns={[
            { title: "Month (UTC)", of: ({ month, is_final }) => (is_final ? month : `${month}, so far`) },
            { title: "Beginning", isNumber: true, of: ({ opening_micro_usd }) => shownUsd(opening_micro_usd) },
            { title: "End", isNumber: true, of: ({ closing_micro_usd }) => shownUsd(closing_micro_usd) },
            {
              title: "Files",
              of: ({ month }) => (
                <span className="actions">
                  {["pdf", "csv"].map((form) => (
                    <a key={form} href={`/v1/me/statements/${month}.${form}`} download aria-label={`${month} as ${form.toUpperCase()}`}>
                      {form.toUpperCase()}
                    </a>
                  ))}
                </span>
              ),
            },
          ]}
        />
      )}
    </Panel>
  );
}
