import { and, eq, inArray, lt, ne, notInArray, sql } from "drizzle-orm";
import type { MaybeRow, PendingQuery } from "postgres";
import type { Client } from "../client.js";
import { run } from "../run-query.js";
import { balances, coordinatorInstances, reservations, settlementDeadLetter, usage } from "../schema/index.js";
import type { Tx } from "../tx.js";

const OPEN_STATES = ["held", "parked"] as const;

export interface HoldRow {
  readonly requestId: string;
  readonly accountId: string;
  readonly keyId: string | undefined;
  readonly model: string;
  readonly publicModel: string;
  readonly hold_microUsd: bigint;
  readonly promptBound_tokens: number;
  readonly outputBound_tokens: number;
  readonly inputPrice_microUsd: bigint;
  readonly outputPrice_microUsd: bigint;
  readonly priceSource: "platform" | "fallback";
  readonly defaultFeePercent: number;
  readonly instanceId: string;
  readonly at: Date;
}

export interface HoldResult {
  readonly outcome: "held" | "insufficient_funds" | "key_limit" | "frozen";
  readonly fee_percent: number | null;
  readonly is_service: boolean | null;
  readonly spendable: bigint | null;
  readonly key_limit: bigint | null;
  readonly key_used: bigint | null;
  readonly key_window: "none" | "daily" | "weekly" | "monthly" | null;
}

export interface PostingRow {
  readonly kind: string;
  readonly idempotencyKey: string;
  readonly reference: string;
  readonly entries: readonly {
    readonly accountId: string;
    readonly type: string;
    readonly amount_microUsd: bigint;
    readonly withdrawable_microUsd?: bigint;
  }[];
  readonly at: Date;
}

export interface AttemptRow {
  readonly requestId: string;
  readonly attempt: number;
  readonly machineId: string;
  readonly providerAccountId: string;
  readonly required_microUsd: bigint;
  readonly at: Date;
}

export interface SettlementRow {
  readonly requestId: string;
  readonly attempt: number | undefined;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly reasoning_tokens: number;
  readonly cachedPrompt_tokens: number;
  readonly cost_microUsd: bigint;
  readonly fee_microUsd: bigint;
  /** Per million tokens; undefined where nothing is due. */
  readonly inputPrice_microUsd: bigint | undefined;
  readonly outputPrice_microUsd: bigint | undefined;
  readonly sessionId: string;
  readonly machineId: string;
  readonly providerAccountId: string | undefined;
  readonly reason: string;
  /** Percent of the fee that goes to whoever brought the payer since then. */
  readonly referralShare_percent: number;
  readonly referralSince: Date;
  readonly at: Date;
}

/** What a request consumed that nobody pays for. */
export type FreeUsageRow = Omit<typeof usage.$inferInsert, "cost_microUsd" | "isPublic" | "input_microUsd" | "output_microUsd">;

export type SettleResult =
  | { readonly outcome: "unknown" }
  | { readonly outcome: "settled" | "released"; readonly cost: bigint; readonly replayed: boolean };

/** What settlement needs to know of a reservation; none of it ever changes. */
export type ReservationTerms = Pick<
  typeof reservations.$inferSelect,
  | "accountId"
  | "hold_microUsd"
  | "promptBound_tokens"
  | "outputBound_tokens"
  | "inputPrice_microUsd"
  | "outputPrice_microUsd"
  | "feePercent"
  | "isService"
>;

/**
 * Movements of money: each one statement and one round trip, so it happens whole or not at all. When `signal` aborts, a statement that waits is
 * withdrawn and one that runs is cancelled; whether it happened is then open.
 */
export const ledgerRepository = {
  async hold(client: Client, row: HoldRow, signal: AbortSignal): Promise<HoldResult> {
    const statement = client<HoldResult[]>`select * from ledger_hold(
      ${row.requestId}::text, ${row.accountId}::text, ${row.keyId ?? null}::text, ${row.model}::text, ${row.publicModel}::text,
      ${row.hold_microUsd}::bigint, ${row.promptBound_tokens}::bigint, ${row.outputBound_tokens}::bigint, ${row.inputPrice_microUsd}::bigint,
      ${row.outputPrice_microUsd}::bigint, ${row.priceSource}::text, ${row.defaultFeePercent}::integer, ${row.instanceId}::text,
      ${row.at.toISOString()}::timestamptz)`;
    return answer(statement, signal);
  },

  /** Holds as much as an attempt on a dearer machine may need. `final` when the request is over or its consumer has left. */
  async attempt(client: Client, row: AttemptRow, signal: AbortSignal): Promise<"held" | "insufficient_funds" | "final"> {
    const statement = client<{ outcome: "held" | "insufficient_funds" | "final" }[]>`select ledger_attempt(
      ${row.requestId}::text, ${row.attempt}::integer, ${row.machineId}::text, ${row.providerAccountId}::text, ${row.required_microUsd}::bigint,
      ${row.at.toISOString()}::timestamptz) as outcome`;
    return (await answer(statement, signal)).outcome;
  },

  /** Gives back what only this attempt needed. False when there was nothing. */
  async abandon(client: Client, requestId: string, attempt: number, at: Date, signal: AbortSignal): Promise<boolean> {
    const statement = client<{ shrunk: boolean }[]>`
      select ledger_abandon(${requestId}::text, ${attempt}::integer, ${at.toISOString()}::timestamptz) as shrunk`;
    return (await answer(statement, signal)).shrunk;
  },

  async park(client: Client, requestId: string, at: Date, signal: AbortSignal): Promise<boolean> {
    const statement = client<{ open: boolean }[]>`select ledger_park(${requestId}::text, ${at.toISOString()}::timestamptz) as open`;
    return (await answer(statement, signal)).open;
  },

  async release(client: Client, requestId: string, reason: string, at: Date, signal: AbortSignal): Promise<boolean> {
    const statement = client<{ open: boolean }[]>`
      select ledger_release(${requestId}::text, ${reason}::text, ${at.toISOString()}::timestamptz) as open`;
    return (await answer(statement, signal)).open;
  },

  async settle(client: Client, row: SettlementRow, signal: AbortSignal): Promise<SettleResult> {
    const statement = client<SettleResult[]>`select * from ledger_settle(
      ${row.requestId}::text, ${row.attempt ?? null}::integer, ${row.prompt_tokens}::bigint, ${row.completion_tokens}::bigint,
      ${row.reasoning_tokens}::bigint, ${row.cachedPrompt_tokens}::bigint, ${row.cost_microUsd}::bigint, ${row.fee_microUsd}::bigint,
      ${row.inputPrice_microUsd ?? null}::bigint, ${row.outputPrice_microUsd ?? null}::bigint, ${row.sessionId}::text, ${row.machineId}::text,
      ${row.providerAccountId ?? null}::text, ${row.reason}::text, ${row.referralShare_percent}::integer,
      ${row.referralSince.toISOString()}::timestamptz, ${row.at.toISOString()}::timestamptz)`;
    return answer(statement, signal);
  },

  /** Posts a balanced transaction as part of `tx`. False when the same one is there already. Fails with SQLSTATE UM001 when another is. */
  async post(tx: Tx, posting: PostingRow): Promise<boolean> {
    const { entries } = posting;
    const column = (values: readonly (string | null)[], type: string) =>
      sql`array[${sql.join(
        values.map((value) => sql`${value}`),
        sql`, `,
      )}]::${sql.raw(type)}[]`;
    const [row] = await run(
      tx.execute<{ posted: boolean }>(sql`select ledger_post_entries(
        ${posting.kind}::text, ${posting.idempotencyKey}::text, ${posting.reference}::text,
        ${column(
          entries.map((entry) => entry.accountId),
          "text",
        )},
        ${column(
          entries.map((entry) => entry.type),
          "text",
        )},
        ${column(
          entries.map((entry) => entry.amount_microUsd.toString()),
          "bigint",
        )},
        ${column(
          entries.map((entry) => entry.withdrawable_microUsd?.toString() ?? null),
          "bigint",
        )},
        ${posting.at.toISOString()}::timestamptz) as posted`),
    );
    if (row === undefined) throw new Error("a ledger statement returned no row");
    return row.posted;
  },

  async terms(tx: Tx, requestId: string): Promise<ReservationTerms | undefined> {
    const { accountId, hold_microUsd, promptBound_tokens, outputBound_tokens } = reservations;
    const { inputPrice_microUsd, outputPrice_microUsd, feePercent, isService } = reservations;
    const bounds = { accountId, hold_microUsd, promptBound_tokens, outputBound_tokens };
    const [row] = await run(
      tx
        .select({ ...bounds, inputPrice_microUsd, outputPrice_microUsd, feePercent, isService })
        .from(reservations)
        .where(eq(reservations.requestId, requestId)),
    );
    return row;
  },

  async balance(tx: Tx, accountId: string) {
    const { balance_microUsd, withdrawable_microUsd, held_microUsd, seq } = balances;
    const [row] = await run(
      tx.select({ balance_microUsd, withdrawable_microUsd, held_microUsd, seq }).from(balances).where(eq(balances.accountId, accountId)),
    );
    return row;
  },

  /** What a key has spent and holds in its current window. */
  async keySpend(client: Client, keyId: string, at: Date): Promise<{ readonly spent: bigint; readonly held: bigint } | undefined> {
    const [row] = await client<{ spent: bigint; held: bigint }[]>`
      select s.spent, s.held from api_keys k join api_key_spend s
        on s.key_id = k.id and s.window_start = ledger_window_start(k.limit_reset, ${at.toISOString()}::timestamptz)
      where k.id = ${keyId}`;
    return row;
  },

  /** Once for a request; says nothing of money. */
  async useFreely(tx: Tx, row: FreeUsageRow): Promise<void> {
    await run(
      tx
        .insert(usage)
        .values({ ...row, cost_microUsd: 0n, isPublic: false })
        .onConflictDoNothing(),
    );
  },

  /** Earnings of a machine from before it had an owner become the owner's. @returns how much */
  async claim(client: Client, machineId: string, accountId: string, since: Date, at: Date): Promise<bigint> {
    const [row] = await client<{ amount: bigint }[]>`select ledger_claim(
      ${machineId}::text, ${accountId}::text, ${since.toISOString()}::timestamptz, ${at.toISOString()}::timestamptz) as amount`;
    return row?.amount ?? 0n;
  },

  /** Earnings that nobody has claimed become the platform's, so many at once. @returns how much */
  async lapse(client: Client, before: Date, limit_rows: number, at: Date): Promise<bigint> {
    const [row] = await client<{ amount: bigint }[]>`select ledger_lapse(
      ${before.toISOString()}::timestamptz, ${limit_rows}::integer, ${at.toISOString()}::timestamptz) as amount`;
    return row?.amount ?? 0n;
  },

  /** What has come together of fees in one account of the house becomes the platform's. @returns how much; 0 where there is nothing anywhere */
  async gatherFees(client: Client, at: Date): Promise<bigint> {
    const [row] = await client<{ amount: bigint }[]>`select ledger_gather_fees(${at.toISOString()}::timestamptz) as amount`;
    return row?.amount ?? 0n;
  },

  async deadLetter(
    tx: Tx,
    letter: { readonly requestId: string | undefined; readonly payload: unknown; readonly error: string },
  ): Promise<void> {
    await run(
      tx.insert(settlementDeadLetter).values({ requestId: letter.requestId ?? null, payload: letter.payload, error: letter.error }),
    );
  },

  /** Open reservations of instances other than `except`, at most `limit_rows`. */
  async openOfOthers(client: Client, except: string, limit_rows: number): Promise<readonly string[]> {
    const rows = await client<{ request_id: string }[]>`select request_id from reservations
      where state in ('held', 'parked') and instance_id <> ${except} limit ${limit_rows}`;
    return rows.map((row) => row.request_id);
  },

  /** Open reservations of other instances that are unknown or have been silent since `silentSince`. */
  async openOfSilent(tx: Tx, except: string, silentSince: Date, limit_rows: number): Promise<readonly string[]> {
    const alive = tx
      .select({ id: coordinatorInstances.id })
      .from(coordinatorInstances)
      .where(sql`${coordinatorInstances.heartbeatAt} >= ${silentSince.toISOString()}`);
    const dead = and(isOpen(), ne(reservations.instanceId, except), notInArray(reservations.instanceId, alive));
    const rows = await run(tx.select({ id: reservations.requestId }).from(reservations).where(dead).limit(limit_rows));
    return rows.map((row) => row.id);
  },

  /** Forgets instances that have been silent for long. */
  async forgetInstances(tx: Tx, silentSince: Date): Promise<void> {
    await run(tx.delete(coordinatorInstances).where(lt(coordinatorInstances.heartbeatAt, silentSince)));
  },
};

function isOpen() {
  return inArray(reservations.state, [...OPEN_STATES]);
}

async function answer<Row extends MaybeRow>(statement: PendingQuery<Row[]>, signal: AbortSignal): Promise<Row> {
  // Cancelling needs a connection of its own; when there is none to be had, the server's statement timeout does it.
  const cancel = () => void Promise.resolve(statement.cancel()).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const [row] = await statement;
    if (row === undefined) throw new Error("a ledger statement returned no row");
    return row;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
