import type {
  Challenge,
  DesiredModels,
  Heartbeat,
  HoldAnswer,
  InferenceRequest,
  LoadModel,
  PrefetchModel,
  Register,
  RequestId,
  RuntimeStatus,
  TrustStatus,
  UnloadModel,
  Welcome,
} from "@umbel/protocol";

/** What a coordinator says about the machine's models. */
export type ModelsMessage = LoadModel | UnloadModel | PrefetchModel | DesiredModels;

/** A log that takes fields and a fixed text, as pino does. It is never given plaintext, keys or tokens. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the connection asks of the rest of the agent. Events of one connection come in order and end with `onDisconnected`. */
/** Bytes waiting for the coordinator's socket above which answers must wait, and below which they may go on. */
export interface OutboundRoom {
  readonly bytes_max: number;
  readonly bytes_resumed: number;
}

export interface SessionHandlers {
  /** Signed anew for each connection. */
  register(): Promise<Register>;
  /** Undefined when the challenge is not one that may be signed. */
  signChallenge(challenge: Challenge, sessionId: string): Promise<string | undefined>;
  heartbeat(): Promise<Heartbeat>;
  onRegistered(welcome: Welcome): void;
  onRequest(request: InferenceRequest): void;
  /** A whole binary frame of kind `requestBody`. */
  onBody(frame: Uint8Array): void;
  onCancel(requestId: RequestId): void;
  /** An answer is to wait, or may go on. */
  onHold(message: HoldAnswer): void;
  onTrust(status: TrustStatus): void;
  /** What is made of this machine's program. */
  onRuntime(status: RuntimeStatus): void;
  /** What should be in memory, put away, fetched, or offered. */
  onModels(message: ModelsMessage): void;
  /** This coordinator gives no more work and will close. */
  onGoingAway(): void;
  /** What waited for the socket has left: more may be sent. */
  onDrained(): void;
  /** @param cause one word; undefined where this machine has closed it */
  onDisconnected(cause: string | undefined): void;
}

/** Frames from the coordinator that were dropped, by reason; cumulative. */
export interface DroppedFrames {
  unreadable: number;
  unexpected: number;
}
