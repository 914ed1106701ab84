import { z } from "zod";
import type { DecisionArchive } from "../../insight/index.js";

const count = z.int().min(0);
const figure = z.number().nullable();

export const calibrationQuery = z.strictObject({ since: z.string().min(1).max(256).optional() });

export const calibrationObject = z.object({
  since: z.iso.datetime(),
  rows: z.array(
    z.object({
      build: z.string(),
      compute_class: z.string(),
      answers: count,
      ttft_ms: figure,
      expected_ttft_ms: figure,
      ttft_error_ms: figure.describe("Median of actual less expected."),
      ttft_error_p90_ms: figure,
      solo_answers: count,
      solo_decode_tps: figure,
      shared_answers: count,
      shared_decode_tps: figure,
      shared_with: figure.describe("Requests that ran beside them, on average."),
      cold_answers: count,
      cold_ttft_ms: figure,
      runners_up_known: count,
      runners_up_faster: count.describe("Answers that the next best machine was expected to begin sooner than they were begun."),
    }),
  ),
  proposals: z
    .array(z.object({ coefficient: z.string(), current: z.number(), proposed: z.number(), answers: count }))
    .describe("Coefficients of the cost that the answers speak against. They are never changed by themselves."),
});

export function calibrationOf(
  { rows, proposals }: Awaited<ReturnType<DecisionArchive["calibration"]>>,
  since: Date,
): z.infer<typeof calibrationObject> {
  return {
    since: since.toISOString(),
    rows: rows.map((row) => ({
      build: row.build,
      compute_class: row.computeClass,
      answers: row.answers,
      ttft_ms: row.ttft_ms,
      expected_ttft_ms: row.expectedTtft_ms,
      ttft_error_ms: row.error_ms,
      ttft_error_p90_ms: row.errorP90_ms,
      solo_answers: row.solo,
      solo_decode_tps: row.solo_tps,
      shared_answers: row.shared,
      shared_decode_tps: row.shared_tps,
      shared_with: row.sharedWith,
      cold_answers: row.cold,
      cold_ttft_ms: row.coldTtft_ms,
      runners_up_known: row.runnersUpKnown,
      runners_up_faster: row.runnersUpFaster,
    })),
    proposals: [...proposals],
  };
}
