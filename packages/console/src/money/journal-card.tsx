import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { usePages } from "../parts/use-loaded.js";
import { type Entry, entryInWords } from "./billing-api.js";

interface JournalCardProps {
  readonly title: string;
  /** Stable while it is about the same account. */
  readonly load: (cursor: string | undefined) => Promise<{ readonly rows: readonly Entry[]; readonly next: number | null }>;
}

/** Everything that moved on an account, latest first. */
export function JournalCard({ title, load }: JournalCardProps) {
  const { more, ...loaded } = usePages(load);
  return (
    <Panel title={title} loaded={loaded}>
      {(entries) => (
        <DataTable
          caption={title}
          rows={entries}
          keyOf={({ seq }) => seq}
          empty="Nothing has moved on this account."
          more={more}
          columns={[
            { title: "When", of: ({ created_at }) => <When at={created_at} /> },
            { title: "What", of: ({ type, reference }) => <span title={reference}>{entryInWords(type)}</span> },
            { title: "Amount", isNumber: true, of: ({ amount_micro_usd }) => shownUsd(amount_micro_usd) },
            { title: "Balance", isNumber: true, of: ({ balance_after_micro_usd }) => shownUsd(balance_after_micro_usd) },
          ]}
        />
      )}
    </Panel>
  );
}
