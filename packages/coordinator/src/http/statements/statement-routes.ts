import { Readable } from "node:stream";
import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import {
  entryName,
  type Statement,
  type StatementLine,
  type StatementSummary,
  StatementsUnavailableError,
  statementPdf,
} from "../../statements/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { csvLine } from "../lists/export.js";
import { jsonAmount, usd } from "../money-format.js";
import type { Route } from "../route.js";

const RETRY_AFTER_s = 2;
const FILE = /^(\d{4}-\d{2})(?:\.(json|csv|pdf))?$/;
const COLUMNS = [
  "entry",
  "time",
  "type",
  "description",
  "reference",
  "model",
  "key_id",
  "prompt_tokens",
  "completion_tokens",
  "amount_usd",
  "balance_usd",
];

const microUsd = z.int().describe("Millionths of a USD.");
const summaryObject = z.object({
  month: z.string().describe("As 2026-11; months are UTC."),
  until: z.iso.datetime(),
  is_final: z.boolean().describe("Whether the month is over."),
  opening_micro_usd: microUsd,
  opening_usd: z.string(),
  closing_micro_usd: microUsd,
  closing_usd: z.string(),
});
const statementList = z.object({ object: z.literal("list"), data: z.array(summaryObject) });
const statementObject = summaryObject.extend({
  account_id: z.string(),
  items: z.array(
    z.object({
      type: z.string(),
      name: z.string(),
      model: z.string().nullable(),
      entries: z.int(),
      prompt_tokens: z.int(),
      completion_tokens: z.int(),
      amount_micro_usd: microUsd,
      amount_usd: z.string(),
    }),
  ),
  free_requests: z.int().describe("Requests that cost nothing, and stand in no item."),
});

/** What moved on an account in a month: to read, and as files. */
export function statementRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { statements, settings } = dependencies;
  return [
    {
      method: "GET",
      url: "/v1/me/statements",
      access: "account",
      doc: { tag: "Account", summary: "The account's statements by the month, latest first", answer: statementList },
      async handle(request): Promise<z.infer<typeof statementList>> {
        const list = await asked(statements.list(principalOf(request).accountId));
        return { object: "list", data: list.map(shortened) };
      },
    },
    {
      method: "GET",
      url: "/v1/me/statements/:file",
      access: "account",
      doc: {
        tag: "Account",
        summary: "A statement: as JSON, as CSV with every entry, or as PDF",
        parameters: [{ name: "file", in: "path", description: "2026-11, 2026-11.csv or 2026-11.pdf.", required: true }],
        answer: statementObject,
        errors: [404],
      },
      async handle(request, reply): Promise<unknown> {
        const { accountId } = principalOf(request);
        const [, month = "", form = "json"] = FILE.exec((request.params as { readonly file: string }).file) ?? [];
        const statement = await asked(statements.get(accountId, month));
        if (statement === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no statement of this month" });
        if (form === "json") return whole(statement);
        void reply.header("Content-Disposition", `attachment; filename="umbel-statement-${month}.${form}"`);
        if (form === "csv") {
          const pages = statements.lines(accountId, statement);
          return reply.type("text/csv; charset=utf-8; header=present").send(Readable.from(csv(statement, pages)));
        }
        return reply.type("application/pdf").send(await statementPdf(statement, issuerOf(settings.publicUrl)));
      },
    },
  ];
}

/** Beginning, every entry, end: whoever adds up finds each balance again. */
async function* csv(statement: Statement, pages: AsyncIterable<readonly StatementLine[]>): AsyncGenerator<string> {
  const { month, until, opening_microUsd, closing_microUsd } = statement;
  const edge = (time: string, name: string, balance: bigint) => csvLine(["", time, name, "", "", "", "", "", "", "", usd(balance)]);
  yield csvLine(COLUMNS);
  yield edge(`${month}-01T00:00:00.000Z`, "opening_balance", opening_microUsd);
  for await (const page of pages) {
    yield page
      .map(({ seq, at, type, reference, model, keyId, prompt_tokens, completion_tokens, amount_microUsd, balanceAfter_microUsd }) => {
        const what = [seq, at.toISOString(), type, entryName(type), reference, model, keyId, prompt_tokens, completion_tokens];
        return csvLine([...what, usd(amount_microUsd), usd(balanceAfter_microUsd)]);
      })
      .join("");
  }
  yield edge(until.toISOString(), "closing_balance", closing_microUsd);
}

function issuerOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? "Umbel" : `Umbel, ${publicUrl}`;
}

function shortened(summary: StatementSummary): z.infer<typeof summaryObject> {
  return {
    month: summary.month,
    until: summary.until.toISOString(),
    is_final: summary.isFinal,
    opening_micro_usd: jsonAmount(summary.opening_microUsd),
    opening_usd: usd(summary.opening_microUsd),
    closing_micro_usd: jsonAmount(summary.closing_microUsd),
    closing_usd: usd(summary.closing_microUsd),
  };
}

function whole(statement: Statement): z.infer<typeof statementObject> {
  const items = statement.items.map((item) => ({
    type: item.type,
    name: entryName(item.type),
    model: item.model,
    entries: item.entries,
    prompt_tokens: item.prompt_tokens,
    completion_tokens: item.completion_tokens,
    amount_micro_usd: jsonAmount(item.amount_microUsd),
    amount_usd: usd(item.amount_microUsd),
  }));
  return { ...shortened(statement), account_id: statement.account.accountId, items, free_requests: statement.freeRequests };
}

async function asked<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (cause) {
    if (!(cause instanceof StatementsUnavailableError)) throw cause;
    const message = "statements cannot be read right now — please retry";
    throw new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s, cause });
  }
}
