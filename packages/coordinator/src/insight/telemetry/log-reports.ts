import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { type Clock, TELEMETRY_LIMITS } from "@umbel/protocol";
import type { Settings } from "../../config/index.js";

export const LOG_REPORT_LIMITS = {
  /** The latest of a machine that are kept. Source: money.md §20. */
  perMachine_max: 20,
  /** Of compressed lines, in one row. */
  part_bytes: 16 * 1024,
} as const;

const DAY_ms = 24 * 3_600_000;
const ID_bytes = 12;

/** What is known of a log report without reading it. */
export interface LogReport {
  readonly id: string;
  readonly accountId: string;
  /** Of the token that it came with. */
  readonly machine: string;
  /** Pseudonym of the machine, as far as the token tells. */
  readonly provider: string | null;
  /** Of its lines. */
  readonly bytes: number;
  readonly createdAt: Date;
}

export interface LogReportFilter {
  readonly accountId?: string;
  /** Of the token, or the machine's pseudonym. */
  readonly machine?: string;
}

export interface LogReportStore {
  /** Keeps the latest of its machine, so many. @param parts of its compressed lines, in base64 */
  insert(report: LogReport, parts: readonly string[], kept: number): Promise<void>;
  list(filter: LogReportFilter, limit: number): Promise<readonly LogReport[]>;
  /** None of a report that is not there. */
  parts(id: string): Promise<readonly string[]>;
  remove(id: string, accountId: string): Promise<boolean>;
  removeOlderThan(at: Date): Promise<void>;
}

/** Logs that owners of machines send, so that somebody can look at what is wrong. Source: ops.md §2.2. */
export interface LogReports {
  /**
   * @param content lines of text, compressed with gzip
   * @returns undefined when it is no such text, `too_large` when it is more than may be sent
   */
  keep(content: Uint8Array, from: Pick<LogReport, "accountId" | "machine" | "provider">): Promise<LogReport | "too_large" | undefined>;
  /** Latest first. */
  list(filter: LogReportFilter, limit: number): Promise<readonly LogReport[]>;
  /** Its lines; undefined when there is no such report. */
  read(id: string): Promise<Uint8Array | undefined>;
  /** False when the account has none of this id. */
  remove(id: string, accountId: string): Promise<boolean>;
  /** Removes what is older than it is kept. */
  sweep(): Promise<void>;
}

export interface LogReportsDependencies {
  readonly store: LogReportStore;
  readonly clock: Clock;
  readonly settings: Pick<Settings, "logReportRetention_days">;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** How an account's token stands for its machine, in whatever is kept of what it sends. */
export function machineOfToken(token: string): string {
  return `tok:${createHash("sha256").update(token).digest("hex").slice(0, 16)}`;
}

export function createLogReports({ store, clock, settings, randomBytes }: LogReportsDependencies): LogReports {
  return {
    async keep(content, from) {
      const lines = await opened(content);
      if (lines === undefined || lines === "too_large") return lines;
      const id = `rep_${Buffer.from(randomBytes(ID_bytes)).toString("hex")}`;
      const report = { id, ...from, bytes: lines.length, createdAt: clock.date() };
      await store.insert(report, pieces(content), LOG_REPORT_LIMITS.perMachine_max);
      return report;
    },
    list: (filter, limit) => store.list(filter, limit),
    async read(id) {
      const parts = await store.parts(id);
      if (parts.length === 0) return undefined;
      return promisify(gunzip)(Buffer.concat(parts.map((part) => Buffer.from(part, "base64"))));
    },
    remove: (id, accountId) => store.remove(id, accountId),
    sweep: () => store.removeOlderThan(new Date(clock.date().getTime() - settings.logReportRetention_days * DAY_ms)),
  };
}

/** The lines, never more of them than may be, however small they were made. */
async function opened(content: Uint8Array): Promise<Uint8Array | "too_large" | undefined> {
  try {
    const lines = await promisify(gunzip)(content, { maxOutputLength: TELEMETRY_LIMITS.report_bytes_max });
    return lines.length === 0 || lines.includes(0) ? undefined : lines;
  } catch (error) {
    return error instanceof RangeError ? "too_large" : undefined;
  }
}

function pieces(content: Uint8Array): string[] {
  const { part_bytes } = LOG_REPORT_LIMITS;
  const count = Math.ceil(content.length / part_bytes);
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(content.subarray(index * part_bytes, (index + 1) * part_bytes)).toString("base64"),
  );
}

/** Compresses lines that came as they are. */
export function compressed(lines: Uint8Array): Promise<Uint8Array> {
  return promisify(gzip)(lines);
}
