import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/** Rows read at once: an export of any length takes no more memory than these. */
const PAGE_ROWS = 500;

const CONTENT_TYPES = { csv: "text/csv; charset=utf-8; header=present", ndjson: "application/x-ndjson; charset=utf-8" } as const;

export interface ExportedList<Item, Row> {
  /** Of the file, without its time and ending. */
  readonly name: string;
  readonly at: Date;
  /** The rows behind one, so many at most; the first ones, if it is undefined. */
  readonly page: (after: Item | undefined, limit: number) => Promise<readonly Item[]>;
  readonly rowOf: (item: Item) => Row;
  readonly columns: readonly string[];
  readonly format: keyof typeof CONTENT_TYPES;
}

/** Answers with all rows of a list as a file, page after page. */
export function exportFile<Item, Row extends Readonly<Record<string, unknown>>>(
  reply: FastifyReply,
  list: ExportedList<Item, Row>,
): FastifyReply {
  const time = list.at.toISOString().slice(0, 19).replaceAll(":", "");
  return reply
    .type(CONTENT_TYPES[list.format])
    .header("Content-Disposition", `attachment; filename="${list.name}-${time}.${list.format}"`)
    .send(Readable.from(lines(list)));
}

async function* lines<Item, Row extends Readonly<Record<string, unknown>>>({
  page,
  rowOf,
  columns,
  format,
}: ExportedList<Item, Row>): AsyncGenerator<string> {
  if (format === "csv") yield csvLine(columns);
  let items = await page(undefined, PAGE_ROWS);
  while (items.length > 0) {
    for (const item of items) {
      const row = rowOf(item);
      yield format === "csv" ? csvLine(columns.map((column) => row[column])) : `${JSON.stringify(row)}\n`;
    }
    if (items.length < PAGE_ROWS) return;
    items = await page(items.at(-1), PAGE_ROWS);
  }
}

/** Source: RFC 4180. */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(field).join(",")}\r\n`;
}

/** Objects are their JSON. */
function field(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  // A spreadsheet takes such a beginning for a formula, and names of models come from callers. Amounts may be below zero.
  const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^-\d+\.\d+$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
