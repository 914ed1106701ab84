import type { Clock } from "@umbel/protocol";
import { databaseFailure, type PeriodRow, type Store, statementRepository, userRepository } from "../store/index.js";
import { monthOf, startOf, startsBetween } from "./months.js";
import { type Statement, type StatementSummary, type Statements, StatementsUnavailableError } from "./types.js";
import { withModels } from "./with-models.js";

const STATEMENT_LIMITS = {
  /** Months that a list goes back. */
  months_max: 240,
  /** Entries that are in memory at once. */
  linesPerPage: 1_000,
} as const;

/** Statements over the journal of the ledger: nothing is stored, and a month that is over always reads the same. */
export function createStatements({ store, clock }: { readonly store: Pick<Store, "db">; readonly clock: Clock }): Statements {
  const { db } = store;

  /** Months from `from` on, and the present end of the last. */
  async function periods(accountId: string, from: Date, to: Date): Promise<readonly (StatementSummary & { place: Place })[]> {
    const now = clock.date();
    const rows = await asked(statementRepository.periods(db, accountId, startsBetween(from, to)));
    return rows.slice(0, -1).map((row, index) => summary(row, rows[index + 1] ?? row, now));
  }

  return {
    async list(accountId) {
      const now = clock.date();
      const begin = await asked(statementRepository.begin(db, accountId));
      if (begin === undefined) return [];
      const oldest = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - STATEMENT_LIMITS.months_max + 1));
      const all = await periods(accountId, begin < oldest ? oldest : begin, now);
      return all.map(({ place: _place, ...rest }) => rest).reverse();
    },

    async get(accountId, month): Promise<Statement | undefined> {
      const start = startOf(month);
      if (start === undefined || start > clock.date()) return undefined;
      const [[period], begin, user] = await Promise.all([
        periods(accountId, start, start),
        asked(statementRepository.begin(db, accountId)),
        asked(userRepository.byId(db, accountId)),
      ]);
      if (period === undefined || begin === undefined || monthOf(begin) > month) return undefined;
      const { place, ...rest } = period;
      const days = { from: start, to: rest.until };
      const [items, removed, freeRequests] = await Promise.all([
        asked(statementRepository.sums(db, { accountId, ...place })),
        asked(statementRepository.chargesOfDays(db, accountId, days)),
        asked(statementRepository.freeRequests(db, accountId, days)),
      ]);
      const { displayName = accountId, email = null } = user ?? {};
      return { ...rest, account: { accountId, displayName, email }, items: withModels(items, removed), freeRequests };
    },

    async *lines(accountId, { month }) {
      const start = startOf(month);
      if (start === undefined) return;
      const [period] = await periods(accountId, start, start);
      const { endSeq = 1 } = period?.place ?? {};
      let firstSeq = period?.place.firstSeq ?? endSeq;
      while (firstSeq < endSeq) {
        const page = await asked(statementRepository.lines(db, { accountId, firstSeq, endSeq }, STATEMENT_LIMITS.linesPerPage));
        const last = page.at(-1);
        if (last === undefined) return;
        yield page;
        firstSeq = last.seq + 1;
      }
    },
  };
}

interface Place {
  readonly firstSeq: number;
  readonly endSeq: number;
}

function summary(row: PeriodRow, next: PeriodRow, now: Date): StatementSummary & { place: Place } {
  const isFinal = next.start <= now;
  return {
    month: monthOf(row.start),
    until: isFinal ? next.start : now,
    isFinal,
    opening_microUsd: row.opening_microUsd,
    closing_microUsd: next.opening_microUsd,
    place: { firstSeq: row.firstSeq, endSeq: next.firstSeq },
  };
}

async function asked<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (cause) {
    throw databaseFailure(cause) === undefined ? cause : new StatementsUnavailableError("statements cannot be read right now", { cause });
  }
}
