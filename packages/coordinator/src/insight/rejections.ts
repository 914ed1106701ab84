import type { Clock } from "@umbel/protocol";
import type { Logger } from "pino";
import type { ClientClass } from "./client-class.js";
import type { Metrics } from "./metrics.js";

export const REJECTION_LIMITS = {
  /** Rows that wait to be written; further ones are dropped and counted. Source: ops.md §3.4. */
  waiting_max: 4_096,
  rowsPerWrite_max: 100,
  /** How long a closing waits for what is still to be written. */
  flush_ms: 5_000,
  /** Of refusals whose caller is unknown, every so manieth is kept, so that nobody fills the table without a key. Source: ops.md §3.3. */
  anonymousOneIn: 100,
} as const;

/** How far a request had come when it was refused. Source: api.md §25. */
export const REFUSAL_STAGES = [
  ...(["drain", "auth", "rate_limit", "transport", "validation", "model_resolution", "capability", "model_shed"] as const),
  ...(["balance", "preflight_capacity", "routing_ttft", "queue", "dispatch"] as const),
] as const;
export type RefusalStage = (typeof REFUSAL_STAGES)[number];

/** What is known of the machines when a request was refused. */
export interface RejectionChances {
  readonly candidates: number;
  readonly capacityRejections: number;
  readonly tooLargeRejections: number;
  readonly visionRejections: number;
  readonly bestTtft_ms: number | undefined;
}

/** What a refused request needed beyond what was left of a limit, in its unit, or of money. */
export interface RejectionLack {
  readonly limitKind: string;
  readonly overBy: number | undefined;
  readonly shortfall_microUsd: bigint | undefined;
}

/** What a refused request was like, as far as it was read. Names and numbers only. */
export interface RejectedShape {
  /** As it was written, if it looks like a model's name at all. */
  readonly requestedModel: string | undefined;
  readonly stream: boolean;
  readonly choices: number;
  readonly requiresVision: boolean;
  readonly hasTools: boolean;
  readonly ownMachines: "only" | "preferred" | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly frequencyPenalty: number | undefined;
}

/** One refused inference request; never anything of what was asked. */
export interface Rejection {
  readonly at: Date;
  readonly endpoint: string;
  readonly stage: RefusalStage;
  readonly reason: string;
  readonly httpStatus: number;
  readonly keyId: string | undefined;
  /** Lower-case hex of the SHA-256 of the account's id; undefined when the caller is unknown. */
  readonly accountHash: string | undefined;
  readonly clientClass: ClientClass;
  readonly body_bytes: number | undefined;
  readonly retryAfter_ms: number | undefined;
  readonly shape: RejectedShape | undefined;
  readonly resolvedModel: string | undefined;
  readonly promptTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly chances: RejectionChances | undefined;
  readonly lack: RejectionLack | undefined;
}

/** A refusal as it was kept; what was not known is null. */
export interface StoredRejection {
  /** Grows from one to the next. */
  readonly id: number;
  readonly at: Date;
  readonly endpoint: string;
  readonly stage: string;
  readonly reason: string;
  readonly httpStatus: number;
  readonly keyId: string | null;
  readonly accountHash: string | null;
  readonly clientClass: string;
  readonly body_bytes: number | null;
  readonly retryAfter_ms: number | null;
  readonly requestedModel: string | null;
  readonly resolvedModel: string | null;
  readonly stream: boolean | null;
  readonly choices: number | null;
  readonly promptTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly requiresVision: boolean | null;
  readonly hasTools: boolean | null;
  readonly ownMachines: string | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
  readonly couldHaveServed: boolean | null;
  readonly candidates: number | null;
  readonly capacityRejections: number | null;
  readonly tooLargeRejections: number | null;
  readonly visionRejections: number | null;
  readonly bestTtft_ms: number | null;
  readonly limitKind: string | null;
  readonly overBy: number | null;
  readonly shortfall_microUsd: bigint | null;
}

export interface RejectionFilter {
  readonly since: Date;
  readonly until?: Date;
  readonly reason?: string;
  readonly stage?: RefusalStage;
  /** As it was asked for, or the build that it stood for. */
  readonly model?: string;
  readonly couldHaveServed?: boolean;
  /** Only those before the one of this id. */
  readonly before?: number;
  readonly limit: number;
}

export interface RejectionStore {
  /** Latest first. */
  browse(filter: RejectionFilter): Promise<readonly StoredRejection[]>;
  insert(rows: readonly Rejection[]): Promise<void>;
  removeOlderThan(at: Date): Promise<void>;
}

/** The ledger of refusals, written aside of the requests: it never holds one up. */
export interface Rejections {
  record(rejection: Rejection): void;
  /** What was recorded, latest first; waits for what is still being written. */
  browse(filter: RejectionFilter): Promise<readonly StoredRejection[]>;
  /** Removes what is older than it is kept. */
  sweep(): Promise<void>;
  /** Writes what waits, as far as that works in a few seconds. */
  close(): Promise<void>;
}

export interface RejectionsDependencies {
  readonly store: RejectionStore;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "count">;
  readonly log: Pick<Logger, "warn">;
  /** For how long they are kept. */
  readonly settings: { readonly rejectionRetention_days: number };
}

const DAY_ms = 24 * 3_600_000;

export function createRejections({ store, clock, metrics, log, settings }: RejectionsDependencies): Rejections {
  const waiting: Rejection[] = [];
  let anonymous = 0;
  let dropped = 0;
  let writing: Promise<void> | undefined;

  function drop(reason: "full" | "failed", rows: number, error?: unknown): void {
    metrics.count("rejections_dropped_total", { reason }, rows);
    const before = String(dropped).length;
    dropped += rows;
    // At each power of ten, so that a flood does not flood the log.
    if (dropped === rows || String(dropped).length > before) {
      log.warn(
        { event: "rejections_dropped", reason, dropped, ...(error === undefined ? {} : { err: error }) },
        "refusals were not recorded",
      );
    }
  }

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const rows = waiting.splice(0, REJECTION_LIMITS.rowsPerWrite_max);
      try {
        await store.insert(rows);
      } catch (error) {
        drop("failed", rows.length, error);
      }
    }
    writing = undefined;
  }

  return {
    record(rejection) {
      if (rejection.accountHash === undefined && anonymous++ % REJECTION_LIMITS.anonymousOneIn !== 0) return;
      if (waiting.length >= REJECTION_LIMITS.waiting_max) return drop("full", 1);
      waiting.push(rejection);
      writing ??= write();
    },
    async browse(filter) {
      await writing;
      return store.browse(filter);
    },
    sweep: () => store.removeOlderThan(new Date(clock.date().getTime() - settings.rejectionRetention_days * DAY_ms)),
    async close() {
      let cancel: () => void = () => undefined;
      const tooLong = new Promise<void>((resolve) => {
        cancel = clock.setTimer(REJECTION_LIMITS.flush_ms, resolve);
      });
      await Promise.race([writing, tooLong]);
      cancel();
    },
  };
}
