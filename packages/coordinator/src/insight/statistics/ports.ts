export interface UsageTotals {
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

export interface EarningTotals {
  /** For requests that were served. */
  readonly work_microUsd: bigint;
  /** For anything else. */
  readonly reward_microUsd: bigint;
  readonly tokens: number;
  readonly jobs: number;
}

export const LEADER_METRICS = ["earnings", "tokens", "jobs"] as const;
export type LeaderMetric = (typeof LEADER_METRICS)[number];

/** Sums over what was settled for the public. @param since undefined is since ever */
export interface StatisticsStore {
  usageTotals(): Promise<UsageTotals>;
  /** Minutes in which something was settled, oldest first. */
  usageMinutes(since: Date): Promise<readonly (UsageTotals & { readonly minute: Date })[]>;
  /** Accounts that earned most, of those that let themselves be listed. */
  leaders(
    metric: LeaderMetric,
    since: Date | undefined,
    limit: number,
  ): Promise<readonly (EarningTotals & { readonly accountId: string })[]>;
  earningTotals(since: Date | undefined): Promise<EarningTotals & { readonly accounts: number }>;
  /** Accounts that do not want to be listed. */
  unlisted(): Promise<ReadonlySet<string>>;
  isListed(accountId: string): Promise<boolean>;
  setListed(accountId: string, listed: boolean): Promise<void>;
}
