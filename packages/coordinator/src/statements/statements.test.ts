import { createHash } from "node:crypto";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { createStatements, entryName, type Statement, type StatementLine, type Statements, statementPdf } from "./index.js";

const AUGUST = Date.UTC(2026, 7, 1);
const DAY_ms = 24 * 3_600_000;

let database: TestDatabase;
let statements: Statements;
/** The middle of November. */
const clock = createFakeClock(new Date("2026-11-15T12:00:00Z"));

beforeAll(async () => {
  database = await createTestDatabase();
  statements = createStatements({ store: database.store, clock });
  const { client } = database.store;
  await client`insert into users (account_id, display_name, email) values ('alice', 'Alice', 'alice@example.org'), ('bob', 'Bob', null)`;
  // A deposit in August, nothing in September, charges and earnings in October, more of them in November.
  await move("stripe_deposit", "cs_1", 5_000_000n, new Date(AUGUST + DAY_ms));
  await move("payout", "req-earned", 777n, new Date("2026-10-01T00:00:00Z"), "machine-model");
  for (let day = 0; day < 40; day += 1) await serve(`req-${day}`, 1_000n + BigInt(day), new Date(Date.UTC(2026, 9, 1 + day)));
  await client`insert into usage (request_id, account_id, machine_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens,
    cached_prompt_tokens, cost, is_public, admitted_at, created_at)
    values ('free', 'alice', 'm', 'build', 'sprout', 1, 1, 0, 0, 0, false, '2026-10-05', '2026-10-05')`;
});
afterAll(() => database.close());

async function move(type: string, reference: string, amount: bigint, at: Date, model?: string): Promise<void> {
  await database.store.client`select ledger_post_entries('test', ${`${type}:${reference}`}, ${reference}, array['alice', 'sys:stripe'],
    array[${type}, 'deposit'], array[${amount}::bigint, ${-amount}::bigint], array[null, null]::bigint[], ${at.toISOString()}::timestamptz)`;
  if (model === undefined) return;
  await database.store
    .client`insert into provider_earnings (job_id, account_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at)
    values (${reference}, 'alice', 'm', ${model}, ${amount}, 30, 12, ${at.toISOString()})`;
}

async function serve(request: string, cost: bigint, at: Date): Promise<void> {
  await move("charge", request, -cost, at);
  await database.store
    .client`insert into usage (request_id, account_id, key_id, machine_id, model, public_model, prompt_tokens, completion_tokens,
    reasoning_tokens, cached_prompt_tokens, cost, is_public, admitted_at, created_at)
    values (${request}, 'alice', 'key_1', 'm', 'build', ${cost % 2n === 0n ? "sprout" : "oak"}, 10, 5, 0, 0, ${cost}, true, ${at.toISOString()}, ${at.toISOString()})`;
}

async function linesOf(statement: Statement): Promise<readonly StatementLine[]> {
  const lines: StatementLine[] = [];
  for await (const page of statements.lines("alice", statement)) lines.push(...page);
  return lines;
}

const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

describe("statements", () => {
  it("go from the month of the first entry to this one, each beginning where the one before ended, and end at the balance", async () => {
    const list = await statements.list("alice");
    expect(list.map(({ month }) => month)).toEqual(["2026-11", "2026-10", "2026-09", "2026-08"]);
    expect(list.map(({ isFinal }) => isFinal)).toEqual([false, true, true, true]);
    for (const [index, { opening_microUsd }] of list.entries()) {
      expect(opening_microUsd).toBe(list[index + 1]?.closing_microUsd ?? 0n);
    }
    const [row] = await database.store.client<{ balance: bigint }[]>`select balance from balances where account_id = 'alice'`;
    expect(list[0]?.closing_microUsd).toBe(row?.balance);
    expect(await statements.list("bob")).toEqual([]);
  });

  it("add up to the micro-dollar: by item, and by entry; and every entry stands in one of them", async () => {
    const lines: StatementLine[] = [];
    for (const { month } of [...(await statements.list("alice"))].reverse()) {
      const statement = await statements.get("alice", month);
      if (statement === undefined) throw new Error("no statement");
      const moved = statement.closing_microUsd - statement.opening_microUsd;
      expect(sum(statement.items.map(({ amount_microUsd }) => amount_microUsd))).toBe(moved);
      const own = await linesOf(statement);
      expect(sum(own.map(({ amount_microUsd }) => amount_microUsd))).toBe(moved);
      expect(own.at(-1)?.balanceAfter_microUsd ?? statement.opening_microUsd).toBe(statement.closing_microUsd);
      expect(statement.items.reduce((count, { entries }) => count + entries, 0)).toBe(own.length);
      lines.push(...own);
    }
    const [row] = await database.store.client<
      { entries: bigint }[]
    >`select count(*) as entries from ledger_entries where account_id = 'alice'`;
    expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: Number(row?.entries) }, (_, index) => index + 1));
  });

  it("say what was used of which model, and what machines earned, as usage and earnings have it", async () => {
    const october = await statements.get("alice", "2026-10");
    const [used] = await database.store.client<{ cost: bigint }[]>`
      select sum(cost)::bigint as cost from usage where account_id = 'alice' and created_at >= '2026-10-01Z' and created_at < '2026-11-01Z'`;
    const charges = october?.items.filter(({ type }) => type === "charge") ?? [];
    expect(charges.map(({ model }) => model)).toEqual(["oak", "sprout"]);
    expect(-sum(charges.map(({ amount_microUsd }) => amount_microUsd))).toBe(used?.cost);
    expect(october).toMatchObject({ freeRequests: 1, account: { email: "alice@example.org" } });
    expect(october?.items).toContainEqual({
      ...{ type: "payout", model: "machine-model", entries: 1, amount_microUsd: 777n, prompt_tokens: 30, completion_tokens: 12 },
    });
  });

  it.each(["2026-07", "2026-12", "2026-13", "2026", "", "x"])("are not of %j", async (month) => {
    expect(await statements.get("alice", month)).toBeUndefined();
  });

  it("keep an entry in one month though clocks differ: its number decides", async () => {
    // Numbered behind one of December, yet dated before it.
    await move("admin_credit", "late", 5n, new Date("2026-12-01T00:00:00.004Z"));
    await move("admin_credit", "early", 3n, new Date("2026-11-30T23:59:59.999Z"));
    clock.sleep(30 * DAY_ms);
    const november = await statements.get("alice", "2026-11");
    const december = await statements.get("alice", "2026-12");
    expect(november?.isFinal).toBe(true);
    expect(december?.opening_microUsd).toBe(november?.closing_microUsd);
    expect(sum(december?.items.map(({ amount_microUsd }) => amount_microUsd) ?? [])).toBe(8n);
  });
});

describe("a statement as PDF", () => {
  it("is a PDF, and the same bytes each time", async () => {
    const statement = await statements.get("alice", "2026-10");
    if (statement === undefined) throw new Error("no statement");
    const [first, second] = await Promise.all([statementPdf(statement, "Umbel"), statementPdf(statement, "Umbel")]);
    expect(first.subarray(0, 5).toString()).toBe("%PDF-");
    expect(first.subarray(-6).toString()).toContain("%%EOF");
    const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    expect(digest(second)).toBe(digest(first));
    expect(first.length).toBeLessThan(20_000);
  });

  it("takes as many pages as it needs, and names that its fonts do not know", async () => {
    const items = Array.from({ length: 120 }, (_, index) => ({
      ...{ type: "charge", model: `模型-${index}`, entries: 1, amount_microUsd: -1n, prompt_tokens: 1, completion_tokens: 1 },
    }));
    const account = { accountId: "a", displayName: "A", email: null };
    const base = { month: "2026-01", until: new Date("2026-02-01Z"), isFinal: true, opening_microUsd: 120n, closing_microUsd: 0n };
    const pdf = await statementPdf({ ...base, account, items, freeRequests: 2 }, "Umbel");
    expect(pdf.toString("latin1").match(/\/Type \/Page\b/g)).toHaveLength(3);
  });
});

it("every type of entry has a name, and one that is new its own", () => {
  expect(entryName("charge")).toBe("Requests");
  expect(entryName("novelty")).toBe("novelty");
});
