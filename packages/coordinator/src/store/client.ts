import postgres, { type Sql } from "postgres";

/** Money statements answer within milliseconds; one that takes longer is stuck and must give its locks back (money.md §20). */
export const STATEMENT_TIMEOUT_MS = 5_000;
/** Lists, sums and exports read more (money.md §20). */
const REPORT_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_S = 5;
/** The driver's own back-off grows to 20 s, in which statements would wait instead of failing; callers do their own waiting. */
const RECONNECT_AFTER_S = 0.1;

/** The driver with 64-bit integers as bigint: money never passes through a float. */
export type Client = Sql<{ bigint: bigint }>;

export interface Address {
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  readonly password?: string;
  readonly database?: string;
}

export interface ClientOptions {
  /** Connections at most. */
  readonly connections_max: number;
  /** Shown by `pg_stat_activity`. */
  readonly applicationName: string;
  /** `none` for migrations and for sessions that wait. */
  readonly timeouts: "statement" | "report" | "none";
  readonly onClose?: () => void;
}

const TIMEOUTS_MS = { statement: STATEMENT_TIMEOUT_MS, report: REPORT_TIMEOUT_MS } as const;

export function createClient(address: Address, options: ClientOptions): Client {
  const { url, ...parts } = address;
  const settings = {
    ...parts,
    max: options.connections_max,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_AFTER_S,
    fetch_types: false,
    types: { bigint: postgres.BigInt },
    onnotice: () => undefined,
    ...(options.onClose ? { onclose: options.onClose } : {}),
    connection: {
      application_name: options.applicationName,
      ...(options.timeouts === "none" ? {} : { statement_timeout: TIMEOUTS_MS[options.timeouts], lock_timeout: LOCK_TIMEOUT_MS }),
    },
  };
  return url === undefined ? postgres(settings) : postgres(url, settings);
}
