import { SELF_REPORTED_MAX, type TrustLevel } from "@umbel/protocol";
import { type CostProfile, DEFAULT_COST_PROFILE, OBSERVED_RATES_LIMITS } from "@umbel/routing";
import type { WarmPoolSettings } from "./loads/warm-loop.js";
import type { Ceilings } from "./session/ceilings.js";

/** What one attempt may hold for a consumer that reads slowly. Past either figure it overflows, visibly (protocol.md §7.4). */
export const ATTEMPT_BUFFER_LIMITS = { events_max: 4096, bytes_max: 4 * 1024 * 1024 } as const;

/** Shares of these figures at which a machine that can is told to wait, and to go on. Between them lies what is on its way meanwhile. */
export const ATTEMPT_FLOW = { hold: 1 / 2, goOn: 1 / 8 } as const;

/** What may wait to be written to one provider, and how long one frame may take (protocol.md §5.5). */
export const WRITER_LIMITS = {
  /** Frames of requests. A request takes two: metadata and sealed body. */
  bulkFrames_max: 128,
  /** Cancels, challenges and other small control messages, which go first. */
  controlFrames_max: 256,
  slowest_bytesPerSecond: 2 * 1024 * 1024,
  deadline_ms_min: 5_000,
  deadline_ms_max: 30_000,
} as const;

/** Cancels for chunks that nobody waits for: at most one per request in this time, for at most so many requests at once. */
export const LATE_CHUNK_LIMITS = { cancelEvery_ms: 10_000, requests_max: 4096 } as const;

/** How long a registration may wait for the database before the machine is told to come back. */
export const STORE_TIMEOUT_MS = 5_000;

/** How long `close` waits for peers to finish the closing handshake. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** What an operator may change. Times in milliseconds. */
export interface FleetSettings {
  /** Concurrent provider sockets from one address (an IPv6 /64 counts as one). */
  readonly socketsPerAddress_max: number;
  /** Upgrades from one address within a minute. */
  readonly upgradesPerMinute_max: number;
  /** Sockets of all addresses that have not proven their device key yet. */
  readonly unprovenSockets_max: number;
  /** Origins of browsers that may open provider sockets; none by default, since providers are not browsers. */
  readonly allowedOrigins: readonly string[];
  readonly heartbeatInterval_ms: number;
  /** A provider silent for longer on so many sweeps in a row is disconnected. */
  readonly stale_ms: number;
  readonly staleSweeps_max: number;
  readonly sweepInterval_ms: number;
  readonly pingInterval_ms: number;
  readonly challengeInterval_ms: number;
  /** How long an answer may take. */
  readonly challengeTimeout_ms: number;
  /** A good answer counts for this long. */
  readonly challengeFreshness_ms: number;
  /** Challenges in a row without an answer after which a machine gets no requests until it answers, and after which it is disconnected. */
  readonly silencesToUntrust: number;
  readonly silencesToClose: number;
  /** Trust below which a provider serves only its owner. */
  readonly minTrust: TrustLevel;
  /** Whether a machine that is linked to no account serves nobody. */
  readonly requireLinked: boolean;
  /** Version below which a provider serves nobody; empty is no floor. */
  readonly minVersion: string;
  /** Whether a machine whose program is not known serves nobody; is told of in the log; or nothing of that. */
  readonly runtimeCheck: "off" | "report" | "enforce";
  /** How often it is looked whether a name stands for another build. */
  readonly aliasInterval_ms: number;
  /** How often provider tokens of connected machines are looked at, in case a notice of their end was lost. */
  readonly tokenInterval_ms: number;
  /** Which models machines are told to load. */
  readonly warmPool: WarmPoolSettings;
  /** How often a connected machine's `last seen` is stored. */
  readonly touchInterval_ms: number;
  /** Coefficients by which machines are compared. */
  readonly costProfile: CostProfile;
  /** What is believed of a machine's word on its own speed. */
  readonly ceilings: Ceilings;
  /** Latest measurements of a build's decoding of which a compute class's median is taken. */
  readonly decodeRates_max: number;
}

export const FLEET_DEFAULTS: FleetSettings = {
  socketsPerAddress_max: 20,
  upgradesPerMinute_max: 30,
  unprovenSockets_max: 1000,
  allowedOrigins: [],
  heartbeatInterval_ms: 5_000,
  stale_ms: 90_000,
  staleSweeps_max: 2,
  sweepInterval_ms: 30_000,
  pingInterval_ms: 20_000,
  challengeInterval_ms: 5 * 60_000,
  challengeTimeout_ms: 30_000,
  challengeFreshness_ms: 16 * 60_000,
  silencesToUntrust: 3,
  silencesToClose: 6,
  minTrust: "self_signed",
  requireLinked: false,
  minVersion: "",
  runtimeCheck: "off",
  aliasInterval_ms: 5_000,
  tokenInterval_ms: 60_000,
  warmPool: { isEnabled: true, interval_ms: 10_000, planner: {} },
  touchInterval_ms: 60_000,
  costProfile: DEFAULT_COST_PROFILE,
  ceilings: SELF_REPORTED_MAX,
  decodeRates_max: OBSERVED_RATES_LIMITS.decodeRates_max,
};
