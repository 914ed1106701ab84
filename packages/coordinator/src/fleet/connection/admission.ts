import { bytesToUuid, type Clock, type Heartbeat, type Register, type RegisterRejected, WIRE_LIMITS } from "@umbel/protocol";
import type { Device, Trust } from "../../trust/index.js";
import type { MachineRecords } from "../machine-records.js";
import type { FleetEvents, FleetLog, FleetRandom, FrameIgnored, ProviderAccounts } from "../ports.js";
import type { FleetSettings } from "../settings.js";
import { ChallengeExchange, type ChallengeOutcome } from "./challenge-exchange.js";
import type { UnreadableFrame } from "./control-frame.js";
import { CloseCode, type FrameHandler, type Peer } from "./peer.js";

/** A machine that has shown its evidence, its account and possession of its device key. */
export interface AdmittedMachine {
  readonly peer: Peer;
  readonly sessionId: string;
  readonly register: Register;
  readonly device: Device;
  readonly accountId: string | undefined;
  /** When its token was looked up, as `AdmissionDependencies.tokenEpoch` counts. */
  readonly tokenEpoch: number;
  /** Carries on with the challenges of this session. */
  readonly exchange: ChallengeExchange;
  /** The last heartbeat that came while the machine was being admitted. */
  readonly heartbeat: Heartbeat | undefined;
  /** Why an earlier session of the machine became untrusted. */
  readonly untrustedReason: string | undefined;
  /** What is stored of its health. */
  readonly health: unknown;
  /** What is stored of what it has counted. */
  readonly counters: unknown;
}

export interface AdmissionDependencies {
  readonly clock: Clock;
  readonly random: FleetRandom;
  readonly trust: Trust;
  readonly accounts: ProviderAccounts;
  readonly records: MachineRecords;
  readonly settings: FleetSettings;
  readonly events: FleetEvents;
  readonly log: FleetLog;
  /** How often provider tokens have changed. */
  readonly tokenEpoch: () => number;
  /** Whether this coordinator takes new machines. */
  readonly isOpen: () => boolean;
  readonly onAdmitted: (machine: AdmittedMachine) => void;
  /** The socket left without having been admitted. */
  readonly onLeft: () => void;
}

interface Identity {
  readonly sessionId: string;
  readonly register: Register;
  readonly device: Device;
  readonly accountId: string | undefined;
  readonly tokenEpoch: number;
  readonly exchange: ChallengeExchange;
}

/**
 * What stands between a socket and the fleet, in this order: a valid `register` in time, evidence, account, proof of the device key, the
 * stored record. Nothing before the end of it touches any machine that is connected already (protocol.md §1.1).
 */
export class Admission implements FrameHandler {
  readonly #peer: Peer;
  readonly #use: AdmissionDependencies;
  readonly #cancelTimeout: () => void;
  #stage: "awaiting_register" | "verifying" | "proving" | "storing" = "awaiting_register";
  #exchange: ChallengeExchange | undefined;
  #heartbeat: Heartbeat | undefined;

  constructor(peer: Peer, dependencies: AdmissionDependencies) {
    this.#peer = peer;
    this.#use = dependencies;
    this.#cancelTimeout = dependencies.clock.setTimer(
      WIRE_LIMITS.registrationTimeout_ms,
      () => peer.close(CloseCode.policy, "registration timeout", "protocol"),
      "background",
    );
    peer.handOver(this);
  }

  message(message: Parameters<FrameHandler["message"]>[0]): void {
    if (this.#stage === "awaiting_register") {
      if (message.type === "register") this.#start(message);
      else this.#refuseEarly();
      return;
    }
    switch (message.type) {
      case "register":
        this.#peer.close(CloseCode.policy, "duplicate register", "protocol");
        return;
      case "heartbeat":
        this.#heartbeat = message;
        return;
      case "attestation_response":
        if (!this.#exchange?.answer(message)) this.#ignore("unknown_challenge");
        return;
      default:
        this.#ignore("before_proof");
    }
  }

  unreadable(frame: UnreadableFrame): void {
    if (this.#stage !== "awaiting_register") return;
    if (frame.messageType === "register") this.#reject("invalid_message", "the register message is malformed");
    else this.#refuseEarly();
  }

  chunk(): void {
    if (this.#stage === "awaiting_register") this.#refuseEarly();
    else this.#ignore("before_proof");
  }

  ended(): void {
    this.#cancelTimeout();
    this.#exchange?.stop();
    this.#use.onLeft();
  }

  #start(register: Register): void {
    this.#stage = "verifying";
    this.#orTryLater(this.#verify(register), "a registration could not be verified");
  }

  async #verify(register: Register): Promise<void> {
    const { trust, accounts, random, clock, log } = this.#use;
    if (!this.#use.isOpen()) {
      this.#reject("registration_closed", "this coordinator is shutting down", 5);
      return;
    }
    const verdict = await trust.appraise(register);
    if (!verdict.ok) {
      this.#reject(verdict.code, verdict.reason);
      return;
    }
    const { auth_token: token } = register;
    const tokenEpoch = this.#use.tokenEpoch();
    const accountId = token === undefined ? undefined : await accounts.providerAccount(token);
    if (token !== undefined && accountId === undefined) {
      this.#reject("auth_token_invalid", "the provider token is unknown or revoked");
      return;
    }
    if (!this.#peer.isOpen) return;
    const sessionId = randomUuid(random);
    const { challengeTimeout_ms: timeout_ms } = this.#use.settings;
    const exchange = new ChallengeExchange({ device: verdict.device, sessionId, timeout_ms }, trust, clock, log);
    this.#welcome({ sessionId, register, device: verdict.device, accountId, tokenEpoch, exchange });
  }

  #welcome(identity: Identity): void {
    const { clock, settings } = this.#use;
    this.#cancelTimeout();
    this.#stage = "proving";
    this.#exchange = identity.exchange;
    const challenge = identity.exchange.issue((outcome) => this.#onProof(identity, outcome));
    this.#peer.control({
      type: "welcome",
      session_id: identity.sessionId,
      server_time: clock.date().toISOString(),
      heartbeat_interval_ms: settings.heartbeatInterval_ms,
      max_frame_bytes: WIRE_LIMITS.frameToCoordinator_bytes_max,
      features: [],
      challenge,
    });
  }

  #onProof(identity: Identity, outcome: ChallengeOutcome): void {
    if (outcome.type !== "passed") {
      const detail = outcome.type === "wrong" ? outcome.reason : "no answer in time";
      this.#reject("invalid_attestation", `possession of the device key is not proven: ${detail}`);
      return;
    }
    this.#stage = "storing";
    this.#orTryLater(this.#store(identity), "a machine's record could not be stored");
  }

  async #store(identity: Identity): Promise<void> {
    const { register, device, accountId } = identity;
    const { untrustedReason, health, counters } = await this.#use.records.remember({
      machineId: device.machineId,
      accountId,
      encryptionKey: register.encryption_key,
      hardware: register.hardware,
      models: register.models,
      backend: register.backend,
      version: register.version,
      trustLevel: device.trustLevel,
      at: this.#use.clock.date(),
    });
    if (!this.#peer.isOpen) return;
    // One that serves its owner only, and has none, serves nobody.
    const isClosed = accountId === undefined && this.#use.settings.requireLinked;
    const effective = isClosed ? { ...register, private_only: true } : register;
    const remembered = this.#use.trust.violations.reasonFor(device.machineId) ?? untrustedReason;
    this.#use.onAdmitted({
      peer: this.#peer,
      ...identity,
      register: effective,
      heartbeat: this.#heartbeat,
      untrustedReason: remembered,
      health,
      counters,
    });
  }

  /** A step that this coordinator could not do is not the machine's fault: it is told to come back. */
  #orTryLater(step: Promise<void>, failure: string): void {
    step.catch((error: unknown) => {
      this.#use.log.error({ err: error }, failure);
      this.#peer.close(CloseCode.tryAgainLater, "try again later", "unavailable");
    });
  }

  #reject(code: RegisterRejected["code"], reason: string, retryAfter_s?: number): void {
    if (!this.#peer.isOpen) return;
    this.#use.events({ type: "registration_refused", code });
    const retry = retryAfter_s === undefined ? {} : { retry_after_s: retryAfter_s };
    this.#peer.control({ type: "register_rejected", code, reason, ...retry });
    this.#peer.close(CloseCode.policy, code, "refused");
  }

  #refuseEarly(): void {
    this.#peer.close(CloseCode.policy, "register first", "protocol");
  }

  #ignore(reason: FrameIgnored): void {
    this.#use.events({ type: "frame_ignored", reason });
  }
}

/** A version 4 UUID (RFC 9562 §5.4) from injected randomness. */
function randomUuid(random: FleetRandom): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytesToUuid(bytes);
}
