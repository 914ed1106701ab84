import { z } from "zod";
import type { DecisionArchive } from "../../insight/index.js";

const count = z.int().min(0);
const figure = z.number().nullable();

const effect = z.object({ ms: figure, explained: figure.describe("How much of all lateness it explains, 0 to 1.") });

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
      woken_answers: count,
      woken_ttft_ms: figure,
      output_share: figure.describe("Tokens of answers over the most that they might have had, on average."),
      rated_answers: count.describe("Of machines that had measured both of the following."),
      prefill_per_decode: figure,
      lateness_by: z
        .object({ queued: effect, pending: effect, memory_pressure: effect, cpu: effect })
        .describe(
          "What each cause adds to the time to the first token beyond what was expected: for each request before it, and at full load.",
        ),
      lateness_when: z.object({
        cool_ms: figure,
        fair_ms: figure,
        fair_answers: count,
        serious_ms: figure,
        serious_answers: count,
      }),
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
      woken_answers: row.woken,
      woken_ttft_ms: row.wokenTtft_ms,
      output_share: row.outputShare,
      rated_answers: row.rated,
      prefill_per_decode: row.prefillPerDecode,
      lateness_by: {
        queued: { ms: row.queued_ms, explained: row.queuedFit },
        pending: { ms: row.pending_ms, explained: row.pendingFit },
        memory_pressure: { ms: row.memoryPressure_ms, explained: row.memoryPressureFit },
        cpu: { ms: row.cpu_ms, explained: row.cpuFit },
      },
      lateness_when: {
        cool_ms: row.coolError_ms,
        fair_ms: row.fairError_ms,
        fair_answers: row.fair,
        serious_ms: row.seriousError_ms,
        serious_answers: row.serious,
      },
      runners_up_known: row.runnersUpKnown,
      runners_up_faster: row.runnersUpFaster,
    })),
    proposals: [...proposals],
  };
}
