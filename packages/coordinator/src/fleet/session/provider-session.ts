import {
  FLOW_FEATURE,
  type Frame,
  type FromProvider,
  type Heartbeat,
  type InferenceComplete,
  type LoadModelStatus,
  type ModelsUpdate,
  type RequestId,
  WIRE_LIMITS,
} from "@umbel/protocol";
import {
  type AttemptOutcome,
  type Decision,
  isResident,
  PlacedWork,
  type ProviderView,
  providerViewFromRegister,
  type RequestSpec,
  withChallengePassed,
  withChallengeRevoked,
  withDraining,
  withLoaded,
  withModels,
  withRuntime,
  withTrust,
} from "@umbel/routing";
import type { Standing } from "../../trust/index.js";
import { AttemptTable, type Routed } from "../attempt/attempt-table.js";
import { type AttemptHost, LiveAttempt } from "../attempt/live-attempt.js";
import { isReceiptValid, type RelayedAnswer } from "../attempt/receipt-check.js";
import type { AdmittedMachine } from "../connection/admission.js";
import type { UnreadableFrame } from "../connection/control-frame.js";
import { CloseCode, type FrameHandler, type Peer } from "../connection/peer.js";
import type { BulkWrite } from "../connection/socket-writer.js";
import type { LifetimeCounters } from "../lifetime-counters.js";
import { desiredModels } from "../loads/desired-models.js";
import type { FleetCatalog } from "../loads/fleet-catalog.js";
import { judgeUpdate } from "../loads/models-update.js";
import { looksOutOfMemory } from "../out-of-memory.js";
import type { DisconnectReason, FrameIgnored } from "../ports.js";
import type { ServingProvider } from "../types.js";
import { believedHeartbeat, believedRegister } from "./ceilings.js";
import { learnRates } from "./learn-rates.js";
import { servingProvider } from "./serving-provider.js";
import type { SessionContext, ViewNews } from "./session-context.js";
import { SessionHealth } from "./session-health.js";
import { SessionRecord } from "./session-record.js";
import { SessionStanding } from "./session-standing.js";

/** A provider that said it drains is asked again after this time (protocol.md §10). */
const DRAINING_RETRY_MS = 30_000;
/** Ciphertext of a chunk may exceed its plaintext by the envelope's padding and tag, generously. */
const CHUNK_CIPHERTEXT_BYTES_MAX = WIRE_LIMITS.chunk_bytes_max + 1024;

/** What a message about a request is counted as that was given up. */
const LATE = {
  inference_accepted: undefined,
  inference_complete: "late_complete",
  inference_error: "late_terminal",
} as const satisfies Record<string, FrameIgnored | undefined>;

/** One connected machine: what is known of it, how it stands, and the work on it. The only writer of its view. */
export class ProviderSession implements FrameHandler, AttemptHost {
  readonly id: string;
  readonly machineId: string;
  readonly peer: Peer;
  readonly #machine: AdmittedMachine;
  readonly #serving: ServingProvider;
  readonly #context: SessionContext;
  readonly #onEnded: (session: ProviderSession) => void;
  readonly #attempts = new AttemptTable();
  readonly #work = new PlacedWork();
  readonly #standing: SessionStanding;
  readonly #health: SessionHealth;
  readonly #record: SessionRecord;
  #view: ProviderView;
  #lastHeartbeat_ms: number;
  #staleSweeps = 0;
  #drainingUntil_ms = 0;
  /** As the machine has been told; what is in order is not worth a message. */
  #toldRuntimeKnown = true;

  /**
   * @param counters what the machine had counted before
   * @param onEnded called once, when the connection is over and all work on it is lost
   */
  constructor(machine: AdmittedMachine, counters: LifetimeCounters, context: SessionContext, onEnded: (session: ProviderSession) => void) {
    const { device, accountId, sessionId } = machine;
    const register = believedRegister(machine.register, context.settings.ceilings);
    const now_ms = context.clock.now_ms();
    this.id = sessionId;
    this.machineId = device.machineId;
    this.peer = machine.peer;
    this.#machine = machine;
    this.#context = context;
    this.#onEnded = onEnded;
    this.#lastHeartbeat_ms = now_ms;
    this.#record = new SessionRecord(machine, counters, context);
    this.#serving = servingProvider(machine, register, context.publicId(device.machineId));
    this.#view = this.#appraised(providerViewFromRegister(register, { sessionId, machineId: device.machineId, accountId }));
    this.#health = new SessionHealth({ machineId: device.machineId, version: register.version }, context);
    this.#standing = new SessionStanding(machine, context, this.#health, (standing) => this.#stand(standing));
  }

  /** Takes over the socket: from here on the machine may be selected if it is trusted. */
  start(): void {
    this.peer.handOver(this);
    this.#record.opened();
    if (this.#machine.heartbeat) this.#heartbeat(this.#machine.heartbeat);
    this.#standing.start();
    this.#tellRuntime();
  }

  /** With which the machine was registered for an account; undefined when it belongs to none. */
  get authToken(): string | undefined {
    return this.#machine.register.auth_token;
  }

  /** Ends a connection whose token is not valid any more, and says so: trying again with it is of no use. */
  revoke(): void {
    this.peer.control({ type: "register_rejected", code: "auth_token_invalid", reason: "the provider token was revoked or has expired" });
    this.peer.close(CloseCode.policy, "auth_token_invalid", "revoked");
  }

  /** Its token is another account's by now: it connects again, and is that account's. */
  belongsToAnother(): void {
    this.peer.close(CloseCode.goingAway, "the machine belongs to another account", "revoked");
  }

  get view(): ProviderView {
    return this.#view;
  }

  get location(): ServingProvider["location"] {
    return this.#serving.location;
  }

  /** What the machine offers. */
  get builds(): readonly string[] {
    return [...this.#view.builds.keys()];
  }

  /** What the machine has counted in all its life. */
  get counters(): LifetimeCounters {
    return this.#record.counters;
  }

  /** Tells the machine which builds names stand for, as far as it is concerned, also that none does; and what it may not offer any more. */
  announceDesired(catalog: FleetCatalog): void {
    if (this.#view.managed === true) this.peer.control(desiredModels(catalog, { id: this.machineId, builds: this.#view.builds }));
  }

  /** Looks again at what is known of the machine's release. */
  reassess(): void {
    const before = this.#view;
    this.#show(this.#health.applied(this.#appraised(before)));
    if (this.#view.runtimeVerified !== before.runtimeVerified) this.#context.signals.changed(this.builds);
    this.#tellRuntime();
  }

  /** Whether the machine runs one of the programs that are known, by its own word. */
  get isRuntimeKnown(): boolean {
    return this.#context.runtimes?.has(this.runtimeHash) === true;
  }

  /** What the machine says that its program is. */
  get runtimeHash(): string | undefined {
    return this.#machine.register.runtime_hash;
  }

  /** Whether the machine cannot take this request because frames of an earlier attempt at it could still come. */
  blocks(requestId: RequestId): boolean {
    return this.#attempts.blocks(requestId);
  }

  /** Puts a request on the machine's ledger. The caller has selected it in the same synchronous step. */
  reserve(spec: RequestSpec, requestId: RequestId, decision: Decision): LiveAttempt {
    const tokens = (spec.promptTokens + spec.maxOutputTokens) * (spec.choices ?? 1);
    const weightHash = this.#view.builds.get(spec.build)?.weightHash ?? "";
    const { build, promptTokens, needsTools, memory } = spec;
    const { view, placed } = this.#work.place(this.#view, build, { tokens, unread_tokens: promptTokens, memory });
    const reservation = { requestId, build, weightHash, needsTools, began_ms: this.now_ms(), promptTokens, placed, decision };
    const attempt = new LiveAttempt(reservation, this.#serving, this);
    this.#attempts.add(attempt);
    this.#health.reserved();
    this.#context.rates.placed(build, this.now_ms());
    // The machine loads the build for it, and the next request should find a copy.
    if (!isResident(this.#view.slots?.get(build))) this.#context.loads.record({ type: "cold_dispatch", build });
    this.#show(this.#health.applied(view));
    return attempt;
  }

  /** Since its last heartbeat. */
  silence_ms(now_ms: number): number {
    return now_ms - this.#lastHeartbeat_ms;
  }

  /** Whether the machine has now been silent over as many sweeps as it may not be; a heartbeat in between starts anew. */
  isStale(now_ms: number): boolean {
    const { stale_ms, staleSweeps_max } = this.#context.settings;
    this.#staleSweeps = this.silence_ms(now_ms) > stale_ms ? this.#staleSweeps + 1 : 0;
    return this.#staleSweeps >= staleSweeps_max;
  }

  message(message: FromProvider): void {
    switch (message.type) {
      case "register":
        this.peer.close(CloseCode.policy, "duplicate register", "protocol");
        return;
      case "heartbeat":
        this.#heartbeat(message);
        return;
      case "attestation_response":
        if (!this.#standing.answer(message)) this.#ignored("unknown_challenge");
        return;
      case "load_model_status":
        this.#loadStatus(message);
        return;
      case "prefetch_model_status":
        this.#context.events({ type: "prefetch", status: message.status });
        return;
      case "models_update":
        this.#modelsUpdate(message);
        return;
      default:
        if (message.type === "inference_complete") this.#served(message);
        if (message.type !== "inference_accepted") this.#finished(message.request_id);
        this.#routed(this.#attempts.message(message), LATE[message.type]);
    }
  }

  /** A message about a running attempt that cannot be read might have been its terminal: better to end the attempt than to let it hang. */
  unreadable(frame: UnreadableFrame): void {
    const attempt = frame.kind === "malformed" && frame.requestId !== undefined ? this.#attempts.get(frame.requestId) : undefined;
    if (!attempt?.isOpen) return;
    attempt.cancel();
    attempt.lose("protocol_violation", "protocol_violation");
  }

  chunk(frame: Frame): void {
    if (frame.payload.length > CHUNK_CIPHERTEXT_BYTES_MAX) {
      this.violate("chunk too large");
      return;
    }
    const routed = this.#attempts.chunk(frame);
    this.#routed(routed, "late_chunk");
    if (routed === "unknown" && this.#context.lateCancels.isDue(this.id, frame.requestId, this.#context.clock.now_ms())) {
      this.cancelRequest(frame.requestId);
    }
  }

  ended(cause: DisconnectReason): void {
    const open = this.#attempts.open();
    const reason = cause === "socket_error" && looksOutOfMemory(this.#view, open.length) ? "oom_suspected" : cause;
    const { events, log } = this.#context;
    this.#standing.stop();
    // One disconnection is one fault of the machine, however much work it takes along; our own shutdown is none, nor its owner's word.
    const isFault = reason !== "shutdown" && reason !== "revoked";
    const [first] = open;
    for (const attempt of this.#attempts.all()) {
      attempt.lose("disconnected", isFault && attempt === first ? "disconnected" : "neutral");
    }
    events({ type: "disconnected", machineId: this.machineId, reason, attempts: open.length });
    log.info({ machine: this.#serving.publicId, reason, attempts: open.length }, "provider disconnected");
    this.#record.closed(reason);
    this.#onEnded(this);
  }

  write(frames: readonly (string | Uint8Array)[]): BulkWrite {
    return this.peer.bulk(frames);
  }

  numbered({ reservation }: LiveAttempt): number {
    return this.#work.sent(reservation.placed);
  }

  cancelRequest(requestId: RequestId): void {
    this.peer.control({ type: "cancel", request_id: requestId });
  }

  holdAnswer(requestId: RequestId, held: boolean): boolean {
    if (!this.#machine.register.features.includes(FLOW_FEATURE)) return false;
    if (held) this.#context.events({ type: "attempt_held", machineId: this.machineId });
    return this.peer.control({ type: "hold_answer", request_id: requestId, held });
  }

  async checkReceipt(message: InferenceComplete, relayed: RelayedAnswer): Promise<boolean> {
    try {
      const isValid = await isReceiptValid(message, this.#machine.device.deviceKey, relayed);
      if (!isValid) this.#context.events({ type: "receipt_invalid", machineId: this.machineId });
      return isValid;
    } catch (error) {
      this.#context.log.error({ err: error }, "a receipt could not be checked");
      return false;
    }
  }

  violate(reason: string): void {
    this.#standing.violate(reason);
  }

  overflowed(): void {
    this.#context.events({ type: "attempt_overflow", machineId: this.machineId });
  }

  judged(attempt: LiveAttempt, outcome: AttemptOutcome): void {
    this.#health.judged(attempt.reservation, outcome);
    const judged = this.#health.applied(this.#view);
    if (outcome === "draining") this.#drainingUntil_ms = this.now_ms() + DRAINING_RETRY_MS;
    this.#show(outcome === "draining" ? withDraining(judged, true) : judged);
    if (outcome === "timeout") this.#context.loads.record({ type: "ttft_miss", build: attempt.reservation.build });
  }

  showedContent({ reservation }: LiveAttempt, wait_ms: number): void {
    const { build, promptTokens } = reservation;
    this.#context.rates.firstContent(build, promptTokens, wait_ms);
    this.#health.responded(this.#view, reservation, wait_ms);
    this.#show(this.#work.read(this.#view, reservation.placed));
  }

  now_ms(): number {
    return this.#context.clock.now_ms();
  }

  released(attempt: LiveAttempt, provider: "silenced" | "may_still_send"): void {
    const { build, placed } = attempt.reservation;
    this.#attempts.remove(attempt, provider);
    if (provider === "silenced") this.#work.ended(this.#view, placed);
    this.#context.rates.freed(build, this.now_ms());
    this.#show(this.#work.released(this.#view, placed));
    this.#context.signals.changed(this.builds);
  }

  #heartbeat(message: Heartbeat): void {
    const { clock, settings, signals, rates } = this.#context;
    const now_ms = clock.now_ms();
    this.#health.alive(now_ms - this.#lastHeartbeat_ms);
    this.#lastHeartbeat_ms = now_ms;
    const before = this.#view.slots;
    const reported = this.#work.heartbeat(this.#view, believedHeartbeat(message, settings.ceilings));
    learnRates(rates, before, reported);
    // A machine that refused a request because it drains is asked again after a while; one that says that it rests, when it says otherwise.
    const drains = (message.rest_reasons ?? []).length > 0 || now_ms < this.#drainingUntil_ms;
    this.#show(reported.draining === drains ? reported : withDraining(reported, drains), "reported");
    this.#record.heard(message.stats, now_ms);
    signals.changed(this.builds);
  }

  /** A machine that says it has loaded a build may be given requests for it from this instant on; one that could not lets the pair rest. */
  #loadStatus(message: LoadModelStatus): void {
    const { loads, signals } = this.#context;
    const build = message.model_id;
    if (message.status === "succeeded" && this.#view.builds.has(build)) this.#show(withLoaded(this.#view, build), "reported");
    if (message.status === "failed" && (message.reason ?? "other") === "other") {
      this.#health.judged({ build, needsTools: false, began_ms: this.now_ms() }, "load_failed_artifact");
      this.#show(this.#health.applied(this.#view));
    }
    loads.loadStatus(this.id, message);
    if (message.status !== "started") signals.changed([build]);
  }

  #modelsUpdate({ models }: ModelsUpdate): void {
    const { catalog, events, signals, log } = this.#context;
    const { accepted, dropped, rejected } = judgeUpdate(models, catalog);
    events({ type: "models_updated", accepted: accepted.length, dropped: dropped.length, rejected });
    if (rejected > 0)
      log.warn({ machine: this.#serving.publicId, rejected }, "a machine offers builds that the catalogue does not have so");
    const before = this.builds;
    this.#show(withModels(this.#view, accepted, dropped), "reported");
    // Whoever waits for a build that came has somebody now, and for one that went has nobody.
    signals.changed(new Set([...before, ...this.builds]));
  }

  #appraised(view: ProviderView): ProviderView {
    return withRuntime(view, this.isRuntimeKnown || this.#context.settings.runtimeCheck !== "enforce");
  }

  /** Tells the machine that its program is none that is known, or that it is by now, so that it can bring itself up to date. */
  #tellRuntime(): void {
    const { runtimeCheck } = this.#context.settings;
    const isKnown = runtimeCheck === "off" || this.isRuntimeKnown;
    if (isKnown === this.#toldRuntimeKnown) return;
    this.#toldRuntimeKnown = isKnown;
    const got = this.runtimeHash ?? "not a release";
    this.peer.control({
      ...{ type: "runtime_status", verified: isKnown, enforced: runtimeCheck === "enforce" },
      ...(!isKnown && { mismatches: [{ component: "program", expected: "a release on offer", got }] }),
    });
  }

  /** The machine's figures may hold a request until its last word, also of one that was given up long before. */
  #finished(requestId: RequestId): void {
    const attempt = this.#attempts.owing(requestId);
    if (attempt === undefined) return;
    const view = this.#work.ended(this.#view, attempt.reservation.placed);
    if (view === this.#view) return;
    this.#show(view);
    this.#context.signals.changed(this.builds);
  }

  /** What requests of a build really are decides how many copies it needs. */
  #served({ request_id, usage }: InferenceComplete): void {
    const attempt = this.#attempts.get(request_id);
    if (attempt?.isOpen !== true) return;
    const { build } = attempt.reservation;
    const { prompt_tokens, completion_tokens } = usage;
    this.#context.loads.record({ type: "served", build, prompt_tokens, completion_tokens });
  }

  /** Takes the standing over into the view, which is all that selection sees. A machine that is untrusted loses its work too. */
  #stand({ status, challengedAt_ms }: Standing): void {
    const view = withTrust(this.#view, { trusted: status === "online", trustLevel: this.#serving.trustLevel });
    this.#show(
      this.#health.applied(challengedAt_ms === undefined ? withChallengeRevoked(view) : withChallengePassed(view, challengedAt_ms)),
    );
    this.#context.signals.changed(this.builds);
    if (status !== "untrusted") return;
    for (const attempt of this.#attempts.all()) {
      attempt.cancel();
      attempt.lose("protocol_violation", "protocol_violation");
    }
  }

  /** The view is all that selection sees, so selection learns of every new one at once. */
  #show(view: ProviderView, news: ViewNews = "decided"): void {
    this.#view = view;
    this.#context.onView(this, news);
  }

  #routed(routed: Routed, whenUnknown: FrameIgnored | undefined): void {
    if (routed === "after_terminal") this.#ignored("after_terminal");
    else if (routed === "unknown") {
      if (whenUnknown) this.#ignored(whenUnknown);
    } else if (routed !== "taken") this.violate(routed.violation);
  }

  #ignored(reason: FrameIgnored): void {
    this.#context.events({ type: "frame_ignored", reason });
  }
}
