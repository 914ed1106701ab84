import type { CalibrationRow } from "./calibration.js";
import type { Attempted, DecisionEnd, DecisionOutcome, FinalStatus } from "./types.js";

/** A row that is new: what is known when a machine has been chosen, and at times already how it ended. */
export type NewRow = Omit<Attempted, keyof DecisionEnd | "endedAt"> &
  DecisionEnd & {
    /** UTC day of `at`, `2026-11-29`. */
    readonly day: string;
    readonly accountDigest: string;
    readonly endedAt?: Date;
  };

export interface RowKey {
  readonly requestId: string;
  readonly attempt: number;
  readonly day: string;
}

/** Fields of a row that are set when the attempt has ended. */
export type RowEnd = RowKey & DecisionEnd & Partial<Pick<NewRow, "runnersUp" | "refused" | "audit" | "endedAt">>;

/** Place of a row in the order in which rows are browsed: latest first. */
export interface RowPlace {
  readonly at: Date;
  readonly requestId: string;
  readonly attempt: number;
}

export interface RowFilter {
  /** Build, or name that the consumer used. */
  readonly model?: string;
  readonly provider?: string;
  readonly outcome?: DecisionOutcome;
  readonly finalStatus?: FinalStatus;
  readonly errorClass?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly after?: RowPlace;
  readonly limit: number;
}

/** What went to a machine, and was asked of the builds that it offers. */
export interface MachineWork {
  /** Attempts that went to it. */
  readonly chosen: number;
  readonly failed: number;
  readonly last_at: Date | null;
  /** Requests of everybody for the builds. */
  readonly asked: number;
}

export interface MachineWorkFilter {
  /** Pseudonym. */
  readonly provider: string;
  readonly builds: readonly string[];
  readonly since: Date;
}

/** Where decisions are kept. */
export interface DecisionStore {
  ensureDay(day: string): Promise<void>;
  /** A row of the same attempt gives way; that it waited stays. */
  insert(rows: readonly NewRow[]): Promise<void>;
  end(end: RowEnd): Promise<void>;
  /** Attempts of a request, by our id or its consumer's, oldest first; of one account only, if its digest is given. */
  ofRequest(id: string, accountDigest: string | undefined): Promise<readonly Attempted[]>;
  browse(filter: RowFilter): Promise<readonly Attempted[]>;
  workOf(filter: MachineWorkFilter): Promise<MachineWork>;
  /** What answers took since a time, by build and kind of machine. */
  calibration(since: Date): Promise<readonly CalibrationRow[]>;
  /** @returns how many days were removed */
  removeDaysBefore(day: string): Promise<number>;
}
