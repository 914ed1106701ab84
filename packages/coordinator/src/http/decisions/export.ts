import type { DecisionArchive } from "../../insight/index.js";
import type { Filter } from "./browse.js";
import { type DecisionRow, decisionRow, rowOf } from "./decision-schema.js";

/** Rows read at once: an export of any length takes no more memory than these. */
const PAGE_ROWS = 500;

/** Everything that a filter lets through, latest first, as lines of text. */
export async function* exportLines(
  decisions: Pick<DecisionArchive, "browse">,
  filter: Filter,
  format: "csv" | "ndjson",
): AsyncGenerator<string> {
  if (format === "csv") yield `${COLUMNS.join(",")}\r\n`;
  for await (const row of rows(decisions, filter)) yield format === "csv" ? `${csvLine(row)}\r\n` : `${JSON.stringify(row)}\n`;
}

const COLUMNS = Object.keys(decisionRow.shape) as (keyof DecisionRow)[];

async function* rows(decisions: Pick<DecisionArchive, "browse">, filter: Filter): AsyncGenerator<DecisionRow> {
  let page = await decisions.browse({ ...filter, limit: PAGE_ROWS });
  while (page.length > 0) {
    for (const attempt of page) yield rowOf(attempt);
    const after = page.at(-1);
    if (after === undefined || page.length < PAGE_ROWS) return;
    page = await decisions.browse({ ...filter, after, limit: PAGE_ROWS });
  }
}

/** Source: RFC 4180. Objects are their JSON. */
function csvLine(row: DecisionRow): string {
  return COLUMNS.map((column) => field(row[column])).join(",");
}

function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // A spreadsheet takes such a beginning for a formula, and names of models come from callers.
  const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
