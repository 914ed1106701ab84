import type { Clock } from "@umbel/protocol";
import {
  type EarningFilter,
  type EarningRow,
  type EarningSum,
  earningsRepository,
  type JournalRow,
  journalRepository,
  type ListPlace,
  type Store,
  type UsageFilter,
  type UsageGroup,
  type UsageRow,
  type UsageSum,
  usageRepository,
} from "../store/index.js";
import { attempt } from "./retry.js";

export type { JournalRow } from "../store/index.js";

const DAY_MS = 24 * 3_600_000;
/** Groups of a summary at most. */
const GROUPS_MAX = 1_000;
/** How many days of earnings a forecast goes by. */
export const FORECAST_DAYS = 7;

/** What an account has earned, lately and at all. */
export interface EarningSummary {
  /** Since midnight, UTC. */
  readonly today: EarningSum;
  readonly lastDay: EarningSum;
  readonly lastWeek: EarningSum;
  readonly lifetime: EarningSum;
  /** What a day brings, at the rate of the last days. */
  readonly perDay_microUsd: bigint;
}

export type Generation = NonNullable<Awaited<ReturnType<typeof usageRepository.one>>>;

/** What the books say of the past. Lists come latest first. @throws LedgerUnavailableError */
export interface History {
  journal(accountId: string, page: { readonly before: number | undefined; readonly limit: number }): Promise<readonly JournalRow[]>;
  usage(filter: UsageFilter, after: ListPlace | undefined, limit: number): Promise<readonly UsageRow[]>;
  usageSums(filter: UsageFilter, group: UsageGroup): Promise<readonly UsageSum[]>;
  /** One request of the account. */
  generation(accountId: string, requestId: string): Promise<Generation | undefined>;
  earnings(filter: EarningFilter, after: ListPlace | undefined, limit: number): Promise<readonly EarningRow[]>;
  /** Everything that fits the filter. */
  earned(filter: EarningFilter): Promise<EarningSum>;
  earningSummary(accountId: string, machineId?: string): Promise<EarningSummary>;
}

export interface HistoryOptions {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export function createHistory({ store: { db }, clock, random }: HistoryOptions): History {
  const answered = <T>(read: () => Promise<T>): Promise<T> => attempt(read, { clock, random });
  return {
    journal: (accountId, page) => answered(() => journalRepository.latest(db, accountId, page)),
    usage: (filter, after, limit) => answered(() => usageRepository.page(db, filter, after, limit)),
    usageSums: (filter, group) => answered(() => usageRepository.sums(db, filter, group, GROUPS_MAX)),
    generation: (accountId, requestId) => answered(() => usageRepository.one(db, accountId, requestId)),
    earnings: (filter, after, limit) => answered(() => earningsRepository.page(db, filter, after, limit)),
    async earned(filter) {
      const [all] = await answered(() => earningsRepository.sums(db, filter, []));
      return all ?? NOTHING;
    },
    async earningSummary(accountId, machineId) {
      const now_ms = clock.date().getTime();
      const since = [now_ms - (now_ms % DAY_MS), now_ms - DAY_MS, now_ms - FORECAST_DAYS * DAY_MS].map((ms) => new Date(ms));
      const sums = await answered(() => earningsRepository.sums(db, { accountId, machineId }, since));
      const [today = NOTHING, lastDay = NOTHING, lastWeek = NOTHING, lifetime = NOTHING] = sums;
      return { today, lastDay, lastWeek, lifetime, perDay_microUsd: lastWeek.amount_microUsd / BigInt(FORECAST_DAYS) };
    },
  };
}

const NOTHING: EarningSum = { amount_microUsd: 0n, jobs: 0 };
