import type { StatementLine, StatementSum } from "../store/index.js";

export type { StatementLine } from "../store/index.js";

/** A calendar month, UTC, as `2026-11`. */
export type Month = string;

export interface StatementSummary {
  readonly month: Month;
  /** Until when it goes: the month's end, or the time when it was asked for. */
  readonly until: Date;
  /** Whether the month is over. */
  readonly isFinal: boolean;
  readonly opening_microUsd: bigint;
  readonly closing_microUsd: bigint;
}

/** All that moved on an account in a month. Opening and items make closing, to the micro-dollar; and closing is the next month's opening. */
export interface Statement extends StatementSummary {
  readonly account: { readonly accountId: string; readonly displayName: string; readonly email: string | null };
  readonly items: readonly StatementSum[];
  /** Requests that cost nothing, which stand in no item. */
  readonly freeRequests: number;
}

/** Statements of accounts, by the month. @throws StatementsUnavailableError (from every method) the database does not answer */
export interface Statements {
  /** Latest first, from the month of the account's first entry. */
  list(accountId: string): Promise<readonly StatementSummary[]>;
  /** Undefined for a month that has not begun, or that is before the account's first entry, or that is none. */
  get(accountId: string, month: Month): Promise<Statement | undefined>;
  /** Every entry of a statement, in order, page by page. */
  lines(accountId: string, statement: StatementSummary): AsyncIterable<readonly StatementLine[]>;
}

/** The database gave no answer; nothing is said about the account. */
export class StatementsUnavailableError extends Error {
  override readonly name = "StatementsUnavailableError";
}
