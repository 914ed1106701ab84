import { and, eq, gte, isNotNull, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { decisions } from "../schema/index.js";
import type { Tx } from "../tx.js";

const running = sql`(${decisions.snapshot}->'slot'->>'running')::float8`;
const state = sql`coalesce(${decisions.snapshot}->'slot'->>'state', 'unknown')`;
const isResident = sql`${state} in ('running', 'idle')`;
const expected_ms = sql`(${decisions.decision}->'winner'->>'ttft_ms')::float8`;
const error_ms = sql`${decisions.ttft_ms} - ${expected_ms}`;

/** What answers took, beside what routing had expected: by build and kind of machine, of first attempts that did not wait. */
export const calibrationRepository = {
  async rows(tx: Tx, since: Date) {
    const build = decisions.build;
    const computeClass = sql<string>`${decisions.snapshot}->>'compute_class'`;
    const rows = await run(
      tx
        .select({
          build,
          computeClass,
          answers: counted(sql`true`),
          ttft_ms: quantile(0.5, decisions.ttft_ms),
          expectedTtft_ms: quantile(0.5, expected_ms),
          error_ms: quantile(0.5, error_ms),
          errorP90_ms: quantile(0.9, sql`abs(${error_ms})`),
          solo: counted(sql`${running} = 0`),
          solo_tps: quantile(0.5, decisions.decode_tps, sql`${running} = 0`),
          shared: counted(sql`${running} > 0`),
          shared_tps: quantile(0.5, decisions.decode_tps, sql`${running} > 0`),
          sharedWith: sql<number | null>`avg(${running}) filter (where ${running} > 0)`.mapWith(Number),
          cold: counted(sql`not ${isResident}`),
          coldTtft_ms: quantile(0.5, decisions.ttft_ms, sql`not ${isResident}`),
          runnersUpKnown: counted(sql`${decisions.runnersUp}->0->>'ttft_ms' is not null`),
          runnersUpFaster: counted(sql`(${decisions.runnersUp}->0->>'ttft_ms')::float8 < ${decisions.ttft_ms}`),
        })
        .from(decisions)
        .where(
          and(
            gte(decisions.at, since),
            gte(decisions.day, since.toISOString().slice(0, 10)),
            eq(decisions.finalStatus, "success"),
            eq(decisions.attempt, 0),
            eq(decisions.waited, false),
            isNotNull(decisions.snapshot),
          ),
        )
        .groupBy(build, computeClass)
        .orderBy(build, computeClass),
    );
    return rows;
  },
};

function counted(condition: SQL): SQL<number> {
  return sql<number>`count(*) filter (where ${condition})`.mapWith(Number);
}

function quantile(share: number, value: SQLWrapper, condition: SQL = sql`true`): SQL<number | null> {
  return sql<
    number | null
  >`percentile_cont(${sql.raw(String(share))}) within group (order by ${value}) filter (where ${condition})`.mapWith(Number);
}
