import { bytesToUuid, type ErrorClass, type HoldAnswer, type InferenceRequest, type RequestId } from "@umbel/protocol";
import type { Session } from "../session/session.js";
import { InFlight } from "./in-flight.js";
import { RequestOrdinals } from "./request-ordinals.js";
import type { Forwarded, WorkerSupervisor } from "./worker-supervisor.js";

type CoordinatorPort = Pick<Session, "send" | "sendFrame" | "isCongested" | "isFlooded" | "pause" | "resume">;
type WorkerPort = Pick<WorkerSupervisor, "send" | "sendFrame" | "isCongested" | "drained" | "pause" | "resume" | "ready" | "requestsGiven">;

/** Where the request id lies in a binary frame (architecture.md "Wire"). */
const idOffset = 1;
const id_bytes = 16;

/**
 * Carries sealed work between the coordinator and the worker without looking into it. Knows only which requests are under way, so that every
 * one gets exactly one terminal, whatever dies; and passes a slow reader's pressure on, so that nothing is ever dropped for want of room.
 */
export class Relay {
  readonly #coordinator: CoordinatorPort;
  readonly #worker: WorkerPort;
  readonly #inFlight = new InFlight();
  /** Which requests the worker's figures count, in the coordinator's numbers. */
  readonly ordinals = new RequestOrdinals();
  #isDraining = false;
  #isResting = false;
  #isLeavingCoordinator = false;
  /** Whether the worker was told that the coordinator does not keep up. */
  #holdsAnswers = false;
  #onIdle: (() => void)[] = [];

  constructor(coordinator: CoordinatorPort, worker: WorkerPort) {
    this.#coordinator = coordinator;
    this.#worker = worker;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Whether answers wait in the worker because the coordinator does not read. */
  get holdsAnswers(): boolean {
    return this.#holdsAnswers;
  }

  onRequest(request: InferenceRequest): void {
    const id = request.request_id;
    if (this.#inFlight.has(id)) return;
    const refusal = this.#refusalOf(id);
    if (refusal === undefined) {
      this.#inFlight.open(id);
      this.#worker.send({ type: "inference_request", request, reader: "coordinator" });
      this.ordinals.given(id, request.ordinal, this.#worker.requestsGiven);
    } else {
      this.#fail(id, refusal);
    }
  }

  onBody(frame: Uint8Array): void {
    if (!this.#inFlight.has(requestIdOf(frame))) return;
    this.#worker.sendFrame(frame);
    if (!this.#worker.isCongested) return;
    this.#coordinator.pause();
    void this.#worker.drained().then(() => this.#coordinator.resume());
  }

  onCancel(id: RequestId): void {
    if (this.#inFlight.has(id)) this.#worker.send({ type: "cancel", request_id: id });
  }

  /** A consumer does not keep up, or does again: its answer alone waits. */
  onHold({ request_id, held }: HoldAnswer): void {
    if (this.#inFlight.has(request_id)) this.#worker.send({ type: "hold_answer", request_id, isHeld: held });
  }

  /** The connection is gone: nobody can receive these answers. */
  onDisconnected(): void {
    this.#isLeavingCoordinator = false;
    for (const id of this.#inFlight.ids()) this.#abandon(id);
    this.ordinals.lost();
    this.#letAnswersGo();
    this.#checkIdle();
  }

  /** The coordinator gives up its place; what it still sends is refused, what runs may finish. */
  onGoingAway(): void {
    this.#isLeavingCoordinator = true;
  }

  onDrained(): void {
    this.#letAnswersGo();
  }

  onForward(message: Forwarded): void {
    const isExpected = this.#inFlight.has(message.request_id);
    if (isExpected) this.#coordinator.send(message);
    if (message.type === "inference_accepted") return;
    this.#inFlight.close(message.request_id);
    this.ordinals.over(message.request_id);
    this.#checkIdle();
  }

  onFrame(frame: Uint8Array): void {
    const id = requestIdOf(frame);
    if (!this.#inFlight.has(id)) return;
    if (!this.#coordinator.sendFrame(frame)) {
      this.#fail(id, "internal");
      this.#abandon(id);
      this.#checkIdle();
    }
    if (this.#coordinator.isCongested) this.#holdAnswers();
    // A worker that does not heed it is not read any more, whoever else waits for it.
    if (this.#coordinator.isFlooded) this.#worker.pause();
  }

  /** The worker is gone with everything it was doing. */
  onWorkerLost(): void {
    for (const id of this.#inFlight.clear()) this.#fail(id, "engine_crash");
    this.#holdsAnswers = false;
    this.ordinals.lost();
    this.#checkIdle();
  }

  /** From now on, and for good, requests are refused. Resolves when none is under way. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return this.whenIdle();
  }

  /** Requests are refused for as long as the machine rests; what runs goes on. */
  rest(isResting: boolean): void {
    this.#isResting = isResting;
  }

  /** Resolves when no request is under way. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
      this.#checkIdle();
    });
  }

  /** Asks the worker to stop what is under way; the terminals follow. */
  cancelAll(): void {
    for (const id of this.#inFlight.ids()) this.#worker.send({ type: "cancel", request_id: id });
  }

  /** Answers to the coordinator wait in the worker; those to this machine's own programs go on. */
  #holdAnswers(): void {
    if (this.#holdsAnswers) return;
    this.#holdsAnswers = true;
    this.#worker.send({ type: "hold_answers", reader: "coordinator", isHeld: true });
  }

  #letAnswersGo(): void {
    this.#worker.resume();
    if (!this.#holdsAnswers) return;
    this.#holdsAnswers = false;
    this.#worker.send({ type: "hold_answers", reader: "coordinator", isHeld: false });
  }

  #refusalOf(id: RequestId): ErrorClass | undefined {
    if (this.#isDraining || this.#isResting || this.#isLeavingCoordinator) return "draining";
    if (this.#worker.ready === undefined) return "not_loaded";
    return this.#inFlight.isAbandoned(id) ? "capacity_slots" : undefined;
  }

  #fail(id: RequestId, error_class: ErrorClass): void {
    this.#coordinator.send({ type: "inference_error", request_id: id, error_class });
  }

  #abandon(id: RequestId): void {
    this.#worker.send({ type: "cancel", request_id: id });
    this.#inFlight.abandon(id);
    this.ordinals.disown(id);
  }

  #checkIdle(): void {
    if (this.#inFlight.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

function requestIdOf(frame: Uint8Array): RequestId {
  return bytesToUuid(frame.subarray(idOffset, idOffset + id_bytes));
}
