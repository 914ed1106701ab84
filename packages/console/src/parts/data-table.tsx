import type { ReactNode } from "react";

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
}

interface DataTableProps<Row> {
  /** For those who do not see it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  /** Instead of a table without rows. */
  readonly empty: string;
  /** Loads what is behind the last row. */
  readonly more?: (() => Promise<void>) | undefined;
}

/** A table; on a phone each row is a card of its own. */
export function DataTable<Row>({ caption, columns, rows, keyOf, empty, more }: DataTableProps<Row>) {
  if (rows.length === 0) return <p className="hint">{empty}</p>;
  return (
    <>
      <table className="data">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" className={isNumber ? "number" : ""}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, of, isNumber }) => (
                <td key={title} data-title={title} className={isNumber ? "number" : ""}>
                  {of(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more !== undefined && (
        <button type="button" className="plain" onClick={more}>
          Show more
        </button>
      )}
    </>
  );
}
