import { formatUsd as usd } from "@umbel/protocol";
import type { StatementSum } from "../store/index.js";
import { entryName } from "./entry-names.js";
import type { Statement } from "./types.js";

const MARGIN = 50;
const LINE = 16;
/** Left edges of what stands left, right edges of what stands right, from the margin. */
const COLUMNS = { name: 0, entries: 300, tokens: 390, amount: 495 } as const;
/** A model's name is no longer than its column. */
const NAME_characters_max = 44;

interface Row {
  readonly name: string;
  readonly entries?: string;
  readonly tokens?: string;
  readonly amount?: string;
}

/**
 * A statement as a PDF of A4 pages. The same statement is the same bytes.
 *
 * @param issuer whose coordinator it is
 */
export async function statementPdf(statement: Statement, issuer: string): Promise<Buffer> {
  // Only whoever asks for a PDF pays for it.
  const { default: PDFDocument } = await import("pdfkit");
  const { month, account, until, isFinal } = statement;
  const info = { Title: `Statement ${month}`, Author: issuer, Subject: account.accountId, CreationDate: until, ModDate: until };
  const page = new PDFDocument({ size: "A4", margin: MARGIN, info });
  const chunks: Buffer[] = [];
  const whole = new Promise<Buffer>((resolve, reject) => {
    page.on("data", (chunk: Buffer) => chunks.push(chunk));
    page.on("end", () => resolve(Buffer.concat(chunks)));
    page.on("error", reject);
  });

  const font = (name: "Helvetica" | "Helvetica-Bold", size: number) => page.font(name).fontSize(size);
  function line({ name, entries, tokens, amount }: Row, weight: "Helvetica" | "Helvetica-Bold" = "Helvetica"): void {
    if (page.y + LINE > page.page.height - MARGIN) page.addPage();
    const y = page.y;
    font(weight, 9).text(printable(name).slice(0, NAME_characters_max), MARGIN + COLUMNS.name, y, { lineBreak: false });
    for (const [text, edge] of [
      [entries, COLUMNS.entries],
      [tokens, COLUMNS.tokens],
      [amount, COLUMNS.amount],
    ] as const) {
      if (text !== undefined) page.text(text, MARGIN + edge - page.widthOfString(text), y, { lineBreak: false });
    }
    page.x = MARGIN;
    page.y = y + LINE;
  }
  function rule(): void {
    page
      .moveTo(MARGIN, page.y)
      .lineTo(MARGIN + COLUMNS.amount, page.y)
      .lineWidth(0.5)
      .stroke();
    page.y += 6;
  }

  font("Helvetica-Bold", 18).text(`Statement ${month}`, MARGIN, MARGIN);
  font("Helvetica", 9).moveDown(0.5).text(printable(issuer));
  page.text(`Account ${printable(account.accountId)}`);
  if (account.email !== null) page.text(printable(account.email));
  page.text(isFinal ? `${month}-01 to the end of the month, UTC` : `${month}-01 to ${until.toISOString()}: the month is not over`);
  page.text("All amounts are USD.").moveDown(1.5);

  line({ name: "", entries: "Entries", tokens: "Tokens", amount: "USD" }, "Helvetica-Bold");
  rule();
  line({ name: "On the account at the beginning", amount: usd(statement.opening_microUsd) }, "Helvetica-Bold");
  for (const [type, items] of byType(statement.items)) {
    line(sumOf(entryName(type), items));
    const models = items.filter(({ model }) => model !== null);
    for (const item of models) line({ ...sumOf(`    ${item.model}`, [item]) });
    if (models.length > 0 && models.length < items.length)
      line(
        sumOf(
          "    other",
          items.filter(({ model }) => model === null),
        ),
      );
  }
  rule();
  line({ name: "On the account at the end", amount: usd(statement.closing_microUsd) }, "Helvetica-Bold");
  if (statement.freeRequests > 0) {
    page.moveDown(0.5);
    line({ name: "Requests that cost nothing", entries: String(statement.freeRequests) });
  }
  page.end();
  return whole;
}

function byType(items: readonly StatementSum[]): ReadonlyMap<string, readonly StatementSum[]> {
  const types = new Map<string, StatementSum[]>();
  for (const item of items) types.set(item.type, [...(types.get(item.type) ?? []), item]);
  return types;
}

function sumOf(name: string, items: readonly StatementSum[]): Row {
  const total = (figure: (item: StatementSum) => number): number => items.reduce((sum, item) => sum + figure(item), 0);
  const tokens = total((item) => item.prompt_tokens + item.completion_tokens);
  return {
    name,
    entries: String(total(({ entries }) => entries)),
    ...(tokens === 0 ? {} : { tokens: String(tokens) }),
    amount: usd(items.reduce((sum, { amount_microUsd }) => sum + amount_microUsd, 0n)),
  };
}

/** The built-in fonts know Latin-1. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\xa0-\xff]/g, "?");
}
