import type { FloorDrawRow, MinuteRow, RewardEpochRow } from "../store/index.js";
import type { SeenMachine } from "./eligibility.js";

export interface RewardSettings {
  readonly monthlyPool_microUsd: bigint;
  /** How much of what a machine earned is taken off its floor, 0 to 1. */
  readonly reduction: number;
  /** Share of an epoch for which a machine must be there. */
  readonly uptime_min: number;
  /** Share of an epoch's budget that one account may get; 0 is no limit. */
  readonly accountShare_max: number;
  /** Of all that is ever paid; 0 is no limit. */
  readonly lifetime_microUsd: bigint;
  readonly minTrust: SeenMachine["trustLevel"];
}

export interface MachineReward {
  readonly machineId: string;
  readonly draw: FloorDrawRow | undefined;
  /** Of this month. */
  readonly sum_microUsd: bigint;
  readonly latest: MinuteRow | undefined;
}

/** Pay for being there, whatever the demand. @throws when the database does not answer */
export interface Rewards {
  /** Notes how machines are, for the minute that runs. */
  note(machines: readonly SeenMachine[]): Promise<void>;
  /** Settles every epoch of the last day that is over and not settled, in order. @returns how many */
  settle(): Promise<number>;
  ofAccount(accountId: string): Promise<readonly MachineReward[]>;
  latest(): Promise<{ readonly epoch: RewardEpochRow; readonly draws: readonly FloorDrawRow[] } | undefined>;
  /** The most memory that machines of a class come with, in GB. */
  caps(): Promise<ReadonlyMap<string, number>>;
  /** @param memory_gb undefined takes it away, so that machines of the class wait */
  setCap(computeClass: string, memory_gb: number | undefined, actor: string): Promise<void>;
  /** Forgets minutes that nobody needs any more. */
  sweep(): Promise<void>;
}
