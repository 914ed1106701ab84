import { z } from "zod";
import { accountPseudonym, type EarningTotals, LEADER_METRICS } from "../../insight/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { jsonAmount } from "../money-format.js";

export const LEADERBOARD_LIMITS = { valid_ms: 5 * 60_000, totalsValid_ms: 60_000, entries_default: 50, entries_max: 200 } as const;

const HOUR_ms = 3_600_000;
const WINDOWS = {
  "24h": 24 * HOUR_ms,
  "1d": 24 * HOUR_ms,
  "7d": 7 * 24 * HOUR_ms,
  "30d": 30 * 24 * HOUR_ms,
  all: undefined,
  lifetime: undefined,
} as const;
type Window = keyof typeof WINDOWS;

const window = z.enum(Object.keys(WINDOWS) as [Window, ...Window[]]).default("all");
export const totalsQuery = z.strictObject({ window });
export const leaderboardQuery = z.strictObject({
  metric: z.enum(LEADER_METRICS).default("earnings"),
  window,
  limit: z.coerce.number().int().min(1).max(LEADERBOARD_LIMITS.entries_max).default(LEADERBOARD_LIMITS.entries_default),
});

const count = z.int().min(0);
const earnings = {
  earnings_micro_usd: z.int(),
  work_earnings_micro_usd: z.int().describe("For requests that were served."),
  reward_earnings_micro_usd: z.int().describe("For being there, for bringing others, and from the operator."),
  tokens: count,
  jobs: count,
};

export const leaderboardObject = z.object({
  metric: z.string(),
  window: z.string(),
  entries: z.array(z.object({ rank: z.int(), pseudonym: z.string(), ...earnings })),
  updated_at: z.iso.datetime(),
});
export const networkTotals = z.object({ window: z.string(), ...earnings, active_accounts: count, updated_at: z.iso.datetime() });

/** All that any answer shows; each shows as many as it is asked for. */
export async function leadersOf(
  { metric, window }: Pick<z.infer<typeof leaderboardQuery>, "metric" | "window">,
  { statistics, clock, pseudonymSecret }: HttpDependencies,
): Promise<z.infer<typeof leaderboardObject>> {
  const now = clock.date();
  const leaders = await statistics.leaders(metric, beginning(window, now), LEADERBOARD_LIMITS.entries_max);
  const entries = leaders.map(({ accountId, ...earned }, index) => ({
    rank: index + 1,
    pseudonym: accountPseudonym(pseudonymSecret, accountId),
    ...earningsOf(earned),
  }));
  return { metric, window, entries, updated_at: now.toISOString() };
}

export async function totalsOf(window: Window, { statistics, clock }: HttpDependencies): Promise<z.infer<typeof networkTotals>> {
  const now = clock.date();
  const { accounts, ...earned } = await statistics.earningTotals(beginning(window, now));
  return { window, ...earningsOf(earned), active_accounts: accounts, updated_at: now.toISOString() };
}

function beginning(window: Window, now: Date): Date | undefined {
  const length_ms = WINDOWS[window];
  return length_ms === undefined ? undefined : new Date(now.getTime() - length_ms);
}

function earningsOf({ work_microUsd, reward_microUsd, tokens, jobs }: EarningTotals) {
  return {
    earnings_micro_usd: jsonAmount(work_microUsd + reward_microUsd),
    work_earnings_micro_usd: jsonAmount(work_microUsd),
    reward_earnings_micro_usd: jsonAmount(reward_microUsd),
    tokens,
    jobs,
  };
}
