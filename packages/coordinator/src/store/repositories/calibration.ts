import { and, eq, gte, isNotNull, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { decisions } from "../schema/index.js";
import type { Tx } from "../tx.js";

const running = sql`(${decisions.snapshot}->'slot'->>'running')::float8`;
const state = sql`coalesce(${decisions.snapshot}->'slot'->>'state', 'unknown')`;
const isResident = sql`${state} in ('running', 'idle')`;
const isAsleep = sql`${state} = 'idle_shutdown'`;
const isCold = sql`not ${isResident} and not ${isAsleep}`;
const thermal = sql`${decisions.snapshot}->>'thermal'`;
const maxOutput = sql`(${decisions.shape}->>'max_output_tokens')::float8 * (${decisions.shape}->>'choices')::float8`;
const prefillPerDecode = sql`(${decisions.snapshot}->'slot'->>'observed_prefill_tps')::float8
  / nullif((${decisions.snapshot}->'slot'->>'observed_decode_tps')::float8, 0)
  * nullif(sign((${decisions.snapshot}->'slot'->>'observed_prefill_tps')::float8), 0)`;
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
          cold: counted(isCold),
          coldTtft_ms: quantile(0.5, decisions.ttft_ms, isCold),
          woken: counted(isAsleep),
          wokenTtft_ms: quantile(0.5, decisions.ttft_ms, isAsleep),
          outputShare: averageShare(sql`least(1, ${decisions.completion_tokens}::float8 / nullif(${maxOutput}, 0))`),
          rated: counted(sql`${prefillPerDecode} is not null`),
          prefillPerDecode: quantile(0.5, prefillPerDecode),
          ...effect("queued", sql`${running} + (${decisions.snapshot}->'slot'->>'waiting')::float8`),
          ...effect("pending", figureOf("pending")),
          ...effect("memoryPressure", figureOf("memory_pressure")),
          ...effect("cpu", figureOf("cpu_usage")),
          fair: counted(sql`${thermal} = 'fair'`),
          fairError_ms: quantile(0.5, error_ms, sql`${thermal} = 'fair'`),
          serious: counted(sql`${thermal} = 'serious'`),
          seriousError_ms: quantile(0.5, error_ms, sql`${thermal} = 'serious'`),
          coolError_ms: quantile(0.5, error_ms, sql`${thermal} = 'nominal'`),
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

function figureOf(name: "pending" | "memory_pressure" | "cpu_usage"): SQL {
  return sql`(${decisions.snapshot}->>${sql.raw(`'${name}'`)})::float8`;
}

function averageShare(share: SQL): SQL<number | null> {
  return sql<number | null>`avg(${share})`.mapWith(Number);
}

/** How much later than expected the first token comes with each unit of a cause, and how much of all lateness that explains (0 to 1). */
function effect<const Name extends string>(name: Name, cause: SQL) {
  const slope = sql<number | null>`regr_slope(${error_ms}, ${cause})`.mapWith(Number);
  const fit = sql<number | null>`regr_r2(${error_ms}, ${cause})`.mapWith(Number);
  // Both names are of the columns that are made here.
  return { [`${name}_ms`]: slope, [`${name}Fit`]: fit } as Record<`${Name}_ms` | `${Name}Fit`, SQL<number | null>>;
}

function counted(condition: SQL): SQL<number> {
  return sql<number>`count(*) filter (where ${condition})`.mapWith(Number);
}

function quantile(share: number, value: SQLWrapper, condition: SQL = sql`true`): SQL<number | null> {
  return sql<
    number | null
  >`percentile_cont(${sql.raw(String(share))}) within group (order by ${value}) filter (where ${condition})`.mapWith(Number);
}
