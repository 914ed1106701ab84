import { z } from "zod";
import { HOLD_AGES_S, INVARIANTS } from "../../ledger/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { jsonAmount } from "../money-format.js";
import type { Route } from "../route.js";

/** Source: money.md §22. */
const FAILING_ALERT_ms = 15 * 60_000;

export const moneyHealth = z.object({
  ok: z
    .boolean()
    .describe("Nothing is violated, nothing was put aside, and no work with the world outside has failed for a quarter of an hour."),
  checked_at: z.iso.datetime(),
  took_ms: z.int(),
  invariants: z.array(z.object({ property: z.enum(INVARIANTS), violations: z.int() })),
  violations: z.array(z.object({ property: z.enum(INVARIANTS), subject: z.string(), difference: z.string() })),
  open_holds: z.array(z.object({ up_to_s: z.int().nullable().describe("Null is older than that."), count: z.int() })),
  waiting: z.array(z.object({ name: z.string(), count: z.int(), oldest_s: z.int().nullable() })),
  failing: z.array(
    z.object({
      name: z.string().describe("Kind of work with a payment processor or a chain; `event` for what one has told."),
      count: z.int(),
      for_s: z.int().describe("For how long the oldest of it has waited."),
      last_error: z.string(),
    }),
  ),
  house_accounts: z.array(z.object({ account: z.string(), balance_micro_usd: z.int() })),
});

/** Whether the books balance, now. Sources: money.md §15, §22. */
export function moneyHealthRoute({ reconciler }: HttpDependencies): Route {
  return {
    method: "GET",
    url: "/v1/admin/money/health",
    access: "admin",
    doc: {
      tag: "Operator",
      summary: "Whether the books balance, and what waits",
      description: "Everything is read anew, on one snapshot. Nothing is repaired.",
      answer: moneyHealth,
    },
    async handle() {
      const { at, took_ms, violations, holdsByAge, waiting, failing, house } = await reconciler.check();
      const put = waiting.some(({ name }) => name === "dead_letters" || name === "outbox dead");
      const fails = failing.some(({ since }) => at.getTime() - since.getTime() > FAILING_ALERT_ms);
      return {
        ok: violations.length === 0 && !put && !fails,
        checked_at: at.toISOString(),
        took_ms: Math.round(took_ms),
        invariants: INVARIANTS.map((property) => ({
          property,
          violations: violations.filter((found) => found.property === property).length,
        })),
        violations: violations.map(({ property, subject, difference }) => ({ property, subject, difference })),
        open_holds: holdsByAge.map((count, index) => ({ up_to_s: HOLD_AGES_S[index] ?? null, count })),
        waiting: waiting.map(({ name, count, oldest }) => ({
          name,
          count,
          oldest_s: oldest === null ? null : Math.max(0, Math.round((at.getTime() - oldest.getTime()) / 1_000)),
        })),
        failing: failing.map(({ name, count, since, error }) => ({
          ...{ name, count, for_s: Math.max(0, Math.round((at.getTime() - since.getTime()) / 1_000)), last_error: error },
        })),
        house_accounts: house.map(({ account, balance_microUsd }) => ({ account, balance_micro_usd: jsonAmount(balance_microUsd) })),
      } satisfies z.infer<typeof moneyHealth>;
    },
  };
}
