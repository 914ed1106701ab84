import path from "node:path";
import { z } from "zod";
import { saveFromCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { sessionToken } from "./device.js";
import { askAsOwner, type OwnerOptions } from "./own-account.js";

const summary = z.object({ month: z.string(), is_final: z.boolean(), opening_usd: z.string(), closing_usd: z.string() }).loose();
const list = z.object({ data: z.array(summary) }).loose();
const item = z.object({ name: z.string(), model: z.string().nullable(), entries: z.number(), amount_usd: z.string() }).loose();
const statement = summary.extend({ items: z.array(item) }).loose();

/** Statements begin and end in UTC. */
const thisMonth = (): string => new Date().toISOString().slice(0, 7);
const SEE_MONTHS = "See the months with: umbel statements list";

/** `umbel statements list`. */
export async function listStatements(options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const body = await askAsOwner(options, { method: "GET", path: "/me/statements", remedy: "Try again later." });
  output.result(body);
  const { data } = list.parse(body);
  output.line(
    data.length === 0
      ? "Nothing has moved on this account."
      : table(
          ["MONTH", "BEGINNING", "END", ""],
          data.map((row) => [row.month, row.opening_usd, row.closing_usd, row.is_final ? "" : "so far"]),
        ),
  );
}

/** `umbel statements show`. */
export async function showStatement(month: string | undefined, options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const path = `/me/statements/${encodeURIComponent(month ?? thisMonth())}`;
  const body = await askAsOwner(options, { method: "GET", path, remedy: SEE_MONTHS });
  output.result(body);
  const { opening_usd, closing_usd, items } = statement.parse(body);
  const rows = items.map((row) => [row.name, row.model ?? "", String(row.entries), row.amount_usd]);
  output.line(table(["", "MODEL", "ENTRIES", "USD"], [["Beginning", "", "", opening_usd], ...rows, ["End", "", "", closing_usd]]));
}

/** `umbel statements save`. */
export async function saveStatement(
  asked: string | undefined,
  options: OwnerOptions & { readonly format: string; readonly output?: string },
): Promise<void> {
  const output = createOutput(options);
  const { format, coordinator } = options;
  const month = asked ?? thisMonth();
  if (!/^\d{4}-\d{2}$/.test(month)) throw new CliError(`"${month}" is no month.`, EXIT_CODES.usage, "Write it like 2026-11.");
  if (format !== "csv" && format !== "pdf") throw new CliError(`"${format}" is no form.`, EXIT_CODES.usage, "Give --format csv or pdf.");
  const file = path.resolve(options.output ?? `umbel-statement-${month}.${format}`);
  const place = {
    path: `/v1/me/statements/${encodeURIComponent(month)}.${format}`,
    token: await sessionToken(options),
    remedy: SEE_MONTHS,
  };
  const size_bytes = await saveFromCoordinator(coordinator, place, file);
  output.result({ month, format, file, size_bytes });
  output.line(`Saved ${file}.`);
}
