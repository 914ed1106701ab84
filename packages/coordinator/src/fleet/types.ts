import type { ErrorClass, InferenceAccepted, InferenceComplete, InferenceRequest, Location, TrustLevel } from "@umbel/protocol";
import type {
  BuildDemand,
  Decision,
  MachineStanding,
  ObservedRates,
  ProviderExplanation,
  ProviderView,
  RequestSpec,
  StandingProfileName,
} from "@umbel/routing";
import type { MachineCounters } from "./lifetime-counters.js";
import type { KeptSession } from "./ports.js";

/** What dispatch and settlement may know of the machine that serves. */
export interface ServingProvider {
  readonly sessionId: string;
  readonly machineId: string;
  /** Pseudonym of the machine for response headers and lists: stable on this coordinator, unlinkable elsewhere. */
  readonly publicId: string;
  readonly accountId: string | undefined;
  readonly version: string;
  readonly trustLevel: TrustLevel;
  readonly computeClass: string;
  /** What the machine calls its processor or graphics card. Its own words: nothing is to rely on them. */
  readonly chip: string;
  /** Operating system and architecture, e.g. `linux-x64`. */
  readonly platform: string;
  /** Where it stands, as its owner says; undefined where that is not said. */
  readonly location: Location | undefined;
  /** Raw X25519 public key (32 bytes). */
  readonly encryptionKey: Uint8Array;
}

/** What comes from a provider for one attempt, in order. After `complete`, `error` or `lost` nothing follows. */
export type AttemptEvent =
  | { readonly type: "accepted"; readonly message: InferenceAccepted }
  | { readonly type: "chunk"; readonly sequence: number; readonly ciphertext: Uint8Array }
  | { readonly type: "complete"; readonly message: InferenceComplete; readonly receiptValid: boolean }
  | {
      readonly type: "error";
      readonly errorClass: ErrorClass;
      readonly param: string | undefined;
      readonly needed: number | undefined;
      readonly available: number | undefined;
    }
  /** The connection ended, or the provider broke the protocol. */
  | { readonly type: "lost"; readonly reason: "disconnected" | "protocol_violation" }
  /** More is buffered than `ATTEMPT_BUFFER_LIMITS` allows because the consumer reads too slowly. */
  | { readonly type: "overflow" };

/**
 * One reserved place on one provider. Reserved synchronously with the selection; `release` gives it back exactly once, whatever happened.
 */
export interface Attempt {
  readonly requestId: string;
  readonly provider: ServingProvider;
  readonly decision: Decision;
  /** Sends the control message and the sealed body frame. Rejects when the socket cannot take them. */
  send(request: InferenceRequest, sealedBody: Uint8Array): Promise<void>;
  /** The next event, in order; one reader at a time. Rejects with the signal's reason when aborted, losing nothing. */
  next(signal?: AbortSignal): Promise<AttemptEvent>;
  /** An event if one is buffered, without waiting. */
  poll(): AttemptEvent | undefined;
  /** Asks the provider to stop; events keep coming until its terminal. */
  cancel(): void;
  /** Declares that the provider sent something that cannot be opened: it becomes untrusted and every attempt on it is lost. */
  reportViolation(reason: string): void;
  /** Declares that the first content has come: nobody else can tell content from what goes before it. */
  reportContent(): void;
  /** Declares that a deadline passed without an answer: counted against the machine's health, which cannot see deadlines itself. */
  reportTimeout(): void;
  release(): void;
}

export type ReserveOutcome = { readonly ok: true; readonly attempt: Attempt } | { readonly ok: false; readonly decision: Decision };

export interface BuildCapacity {
  readonly build: string;
  readonly providers: number;
  readonly warmProviders: number;
  readonly routableProviders: number;
  readonly running: number;
  readonly waiting: number;
  /** Requests that its machines take at once, all together; 0 while none has reported. */
  readonly places: number;
  readonly canAccept: boolean;
  readonly attested: number;
  /** Machines at work on the build. */
  readonly runningProviders: number;
  /** What all places together write, in tokens per second, as far as it is known. */
  readonly decode_tps: number;
  /** Of an ordinary request, on the machine that would be first; undefined while any is unknown. */
  readonly estimatedTtft_ms: number | undefined;
  readonly tokenBudgetUsed: number;
  readonly tokenBudgetMax: number;
}

/** Tokens for which there is room, taken or not. */
export interface TokenPool {
  readonly used: number;
  readonly total: number;
}

/** Machines of one account: known to this coordinator, and connected now. */
export interface OwnMachines {
  readonly linked: number;
  readonly online: number;
}

/** A machine of an account, by what it left and how it stands now. */
export interface KnownMachine {
  readonly machineId: string;
  readonly publicId: string;
  readonly version: string;
  readonly registeredAt: Date;
  readonly lastSeenAt: Date;
  /** Why it gets no requests any more; null while it is trusted. */
  readonly untrustedReason: string | null;
  /** What it has counted in all its life. */
  readonly counters: MachineCounters;
  /** Undefined while it is not connected. */
  readonly view: ProviderView | undefined;
}

/** How many connected machines are alike. */
export interface CensusRow {
  readonly version: string;
  readonly trust_level: TrustLevel;
  readonly status: "online" | "draining" | "untrusted";
  readonly machines: number;
}

/** What says that a build has too few copies in memory. */
export type DemandEvent =
  /** Requests that wait for the build; told at every change. */
  | { readonly type: "queue"; readonly build: string; readonly depth: number }
  | { readonly type: "hedge_started" | "hedge_won" | "ttft_miss" | "capacity_reject"; readonly build: string };

/** A machine's program, by its own signed word. */
export interface RunningProgram {
  readonly version: string;
  /** Of its files; undefined where it did not come by a release. */
  readonly hash: string | undefined;
}

/** Provider connections and what is known of each machine; reservation of its capacity. */
export interface Fleet {
  /** Selects a provider and reserves a place on it in one synchronous step. */
  reserve(spec: RequestSpec): ReserveOutcome;
  /** Selection without reserving, for admission before money is held. */
  preview(spec: RequestSpec): Decision;
  /** Whether some machine that the request may reach passes every gate of a standing profile. */
  someone(profile: StandingProfileName, spec: RequestSpec): boolean;
  /** Whether its tokens would find room on some machine, were that idle; also where no machine could serve it for another reason. */
  couldHold(spec: RequestSpec): boolean;
  /** Calls back whenever capacity for a build may have appeared. Returns the unsubscribe function. */
  onCapacity(build: string, listener: () => void): () => void;
  capacity(build: string): BuildCapacity;
  /** Of all machines that count in public figures, memory that builds share counted once. */
  tokenPool(): TokenPool;
  /** How a machine stands with everything that is remembered of it. */
  standing(machineId: string): MachineStanding;
  /** A machine has reported more than the request could use: it is remembered with its faults. */
  misreported(machineId: string): void;
  /** What has been observed of builds over all machines. */
  readonly rates: Pick<ObservedRates, "firstContentP90_ms" | "drain_perSecond">;
  /** Tells what makes a build want more copies in memory, as far as the fleet cannot see it itself. */
  noticed(event: DemandEvent): void;
  /** Idle machines that hold the build on disk and could load it for the request, and those that are loading it: whether it will be there soon. */
  couldLoad(spec: RequestSpec): number;
  /** How builds that were asked for of late stand: their load by Little's law, and their copies. As of the last plan. */
  demand(): readonly BuildDemand[];
  /** Loads that machines have been told and have not ended. */
  pendingLoads(): number;
  connected(): number;
  /** What connected machines say that they run. */
  programs(): readonly RunningProgram[];
  /** Connected machines that run none of the programs that are known, whether or not they serve. */
  unknownRuntimes(): number;
  /** Connected machines by release, trust and whether they take work. */
  census(): readonly CensusRow[];
  /** What is known of a connected machine, by session. */
  viewOf(sessionId: string): ProviderView | undefined;
  /** What is known of the connected machines that count in public figures. */
  publicViews(): Iterable<ProviderView>;
  /** Where those stand whose owners say so. */
  publicLocations(): readonly Location[];
  /** What is known of the connected machines that offer a build. */
  viewsOf(build: string): Iterable<ProviderView>;
  /** Pseudonym of a machine: stable on this coordinator, unlinkable elsewhere. */
  publicId(machineId: string): string;
  /** Ids of the connected machines that public ids name; ids that name none are left out. */
  machinesNamed(publicIds: readonly string[]): ReadonlySet<string>;
  /** Pseudonyms of the machines that are connected with a provider token. */
  connectedWith(token: string): readonly string[];
  /** Machines of an account, connected or not, the one seen last first. @throws when the database cannot answer. */
  machinesOf(accountId: string): Promise<readonly KnownMachine[]>;
  /** Connections of a machine, the latest first. @throws when the database cannot answer. */
  sessionsOf(machineId: string, limit: number): Promise<readonly KeptSession[]>;
  /**
   * Takes a machine off its account. Of one that is connected its token is revoked, which ends the connection. `shared`: other connected
   * machines have the same token, so nothing was done; `unknown`: it is none of the account's. @throws when the database cannot answer.
   */
  unlink(publicId: string, accountId: string): Promise<"unlinked" | "shared" | "unknown">;
  /** Why a machine would get an ordinary request of a stranger for a build, or would not. */
  explain(view: ProviderView, build: { readonly id: string; readonly weightHash: string }): ProviderExplanation;
  /** @throws when the database cannot answer. */
  ownMachines(accountId: string): Promise<OwnMachines>;
  /** Tells providers that this coordinator stops, without closing. */
  announceShutdown(deadline_ms: number): void;
  close(): Promise<void>;
}
