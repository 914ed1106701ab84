import type { LoadRefusal, PrefetchModelStatus, Register, TrustLevel } from "@umbel/protocol";

/** Looks up the owner of a machine. Rejects when the database cannot answer. */
export interface ProviderAccounts {
  /** Account of a provider token; undefined when unknown or revoked. */
  providerAccount(token: string): Promise<string | undefined>;
  /** The accounts of those that are neither revoked nor expired, by token. */
  usableProviderTokens(tokens: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** False when it was revoked before. */
  revokeProviderToken(token: string): Promise<boolean>;
}

/** A machine that has proven its device key, as it is to be stored. */
export interface MachineRow {
  /** Thumbprint of the device key. */
  readonly machineId: string;
  readonly accountId: string | undefined;
  /** Raw X25519 public key, base64. */
  readonly encryptionKey: string;
  readonly hardware: Register["hardware"];
  readonly models: Register["models"];
  readonly backend: string;
  readonly version: string;
  readonly trustLevel: TrustLevel;
  /** When it was seen. */
  readonly at: Date;
}

/** What is kept of a machine between its connections. */
export interface KeptMachine {
  readonly machineId: string;
  readonly version: string;
  readonly registeredAt: Date;
  readonly lastSeenAt: Date;
  /** Why it gets no requests any more; null while it is trusted. */
  readonly untrustedReason: string | null;
  /** As it was given to `seen`; null if it never was. */
  readonly counters: unknown;
}

/** One connection of a machine. */
export interface MachineSession {
  readonly sessionId: string;
  readonly machineId: string;
  readonly accountId: string | undefined;
  readonly version: string;
  readonly openedAt: Date;
}

/** The same, as it is kept. */
export interface KeptSession extends Omit<MachineSession, "accountId" | "machineId"> {
  readonly lastSeenAt: Date;
  /** Null while it is open. */
  readonly closedAt: Date | null;
  readonly reason: string | null;
}

/** What earlier sessions of a machine left. */
export interface RememberedMachine {
  /** Why it is untrusted; undefined if it is not. */
  readonly untrustedReason: string | undefined;
  /** As it was given to `saveHealth`; undefined if it never was. */
  readonly health: unknown;
  /** As it was given to `seen`; null if it never was. */
  readonly counters: unknown;
}

export interface MachineHealthRow {
  readonly machineId: string;
  /** JSON that only the fleet reads. */
  readonly health: unknown;
}

/** Rows of machines, keyed by machine id. */
export interface MachineStore {
  /** Inserts or replaces what the row says of the machine, and returns what earlier sessions left. */
  upsert(row: MachineRow): Promise<RememberedMachine>;
  /** Replaces what is kept of the health of machines that have rows. */
  saveHealth(machines: readonly MachineHealthRow[], at: Date): Promise<void>;
  /** Machines that were last registered for an account, the one seen last first. */
  ofAccount(accountId: string): Promise<readonly KeptMachine[]>;
  /** How many there are. */
  countOfAccount(accountId: string): Promise<number>;
  /** Takes a machine off its account. What it has failed, and why it is untrusted, stays with the machine. */
  unlink(machineId: string, accountId: string): Promise<void>;
  /** Adds a connection to a machine's history; of no effect where it is there. */
  openSession(session: MachineSession): Promise<void>;
  /** Moves `last seen` of a machine and its connection forward, and replaces what the machine has counted: JSON that only the fleet reads. */
  seen(session: Pick<MachineSession, "machineId" | "sessionId">, counters: unknown, at: Date): Promise<void>;
  /** Ends a connection in the history, also one that was never added. The first end stays. */
  closeSession(session: MachineSession, reason: string, at: Date): Promise<void>;
  /** Connections of a machine, the latest first. */
  sessionsOf(machineId: string, limit: number): Promise<readonly KeptSession[]>;
  /** Marks the machine untrusted until an operator clears it. The first reason stays. */
  markUntrusted(machineId: string, reason: string, at: Date): Promise<void>;
}

/** Programs that machines may run. */
export interface KnownRuntimes {
  /** Whether it is one of them, by the hash that a machine gives for it; a machine that gives none runs none of them. */
  has(hash: string | undefined): boolean;
}

/** Structured log; pino fits. Never given message content or secrets. */
export interface FleetLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What happened, for counters and dashboards. Carries closed words and ids only. */
export type FleetEvent =
  | { readonly type: "upgrade_refused"; readonly reason: "origin" | "sockets" | "rate" | "unproven_full" | "closing" }
  | { readonly type: "registration_refused"; readonly code: string }
  | { readonly type: "connected"; readonly machineId: string; readonly version: string }
  | { readonly type: "disconnected"; readonly machineId: string; readonly reason: DisconnectReason; readonly attempts: number }
  | { readonly type: "challenge"; readonly outcome: "passed" | "silent" | "wrong" }
  | { readonly type: "untrusted"; readonly machineId: string; readonly reason: string }
  /** The machine failed too often and rests, or has served well again. */
  | { readonly type: "breaker"; readonly machineId: string; readonly state: "opened" | "closed" }
  /** The machine failed one kind of request twice within a minute. */
  | { readonly type: "error_cooldown"; readonly machineId: string; readonly shape: "base" | "tools" }
  /** A release of the provider fails on many machines, or does no longer. */
  | { readonly type: "suspect_release"; readonly version: string; readonly state: "raised" | "cleared" }
  | { readonly type: "frame_ignored"; readonly reason: FrameIgnored }
  /** A machine was told to let an answer wait for its consumer; or could not, and sent more than is kept. */
  | { readonly type: "attempt_held"; readonly machineId: string }
  | { readonly type: "attempt_overflow"; readonly machineId: string }
  | { readonly type: "receipt_invalid"; readonly machineId: string }
  | { readonly type: "load_planned"; readonly command: "load" | "unload"; readonly isObserveOnly: boolean }
  | { readonly type: "load_ended"; readonly outcome: "succeeded" | LoadRefusal }
  | { readonly type: "prefetch"; readonly status: PrefetchModelStatus["status"] }
  | { readonly type: "models_updated"; readonly accepted: number; readonly dropped: number; readonly rejected: number }
  | { readonly type: "control_dropped"; readonly messageType: string };

export type DisconnectReason =
  | "peer_closed"
  | "socket_error"
  /** The socket broke while the machine was short of memory. */
  | "oom_suspected"
  | "stale"
  | "replaced"
  | "unresponsive"
  | "malformed"
  | "protocol"
  | "refused"
  /** Its provider token is not valid any more. */
  | "revoked"
  | "unavailable"
  | "write_timeout"
  | "no_pong"
  | "shutdown";

export type FrameIgnored =
  | "malformed"
  | "unknown_type"
  | "late_chunk"
  | "late_terminal"
  /** An answer that ended where it had been given up. */
  | "late_complete"
  | "after_terminal"
  | "unknown_challenge"
  | "before_proof";

export type FleetEvents = (event: FleetEvent) => void;

/** Where chance comes from. */
export interface FleetRandom {
  /** Uniform in [0, 1), for ties between equal providers. */
  readonly fraction: () => number;
  /** Cryptographically secure random bytes. */
  readonly bytes: (length: number) => Uint8Array;
}
