import type { AttestationResponse } from "@umbel/protocol";
import { afterGoodAnswer, afterSilence, afterViolation, afterWrongAnswer, type Standing, UNPROVEN } from "../../trust/index.js";
import type { AdmittedMachine } from "../connection/admission.js";
import type { ChallengeOutcome } from "../connection/challenge-exchange.js";
import { CloseCode } from "../connection/peer.js";
import type { SessionContext } from "./session-context.js";
import type { SessionHealth } from "./session-health.js";

const REASON_CHARACTERS_MAX = 200;

/** How one session stands: it challenges the machine again and again, and tells the machine, the store and the session what follows. */
export class SessionStanding {
  readonly #machine: AdmittedMachine;
  readonly #context: SessionContext;
  readonly #health: Pick<SessionHealth, "challenged">;
  readonly #onChange: (standing: Standing) => void;
  #standing: Standing;
  #cancelNextChallenge: () => void = () => undefined;

  /** @param onChange called with every new standing, before anyone else hears of it */
  constructor(
    machine: AdmittedMachine,
    context: SessionContext,
    health: Pick<SessionHealth, "challenged">,
    onChange: (standing: Standing) => void,
  ) {
    this.#machine = machine;
    this.#health = health;
    this.#context = context;
    this.#onChange = onChange;
    this.#standing =
      machine.untrustedReason === undefined
        ? afterGoodAnswer(UNPROVEN, context.clock.now_ms())
        : afterViolation(UNPROVEN, machine.untrustedReason);
  }

  /** Announces the standing that admission has earned, and begins to challenge. */
  start(): void {
    this.#onChange(this.#standing);
    this.#announce();
    this.#scheduleChallenge();
  }

  stop(): void {
    this.#cancelNextChallenge();
    this.#machine.exchange.stop();
  }

  /** Takes an answer to a challenge. False when there is none that it answers. */
  answer(message: AttestationResponse): boolean {
    return this.#machine.exchange.answer(message);
  }

  /** The machine broke the protocol: it is untrusted from now on. */
  violate(reason: string): void {
    this.#move(afterViolation(this.#standing, reason.slice(0, REASON_CHARACTERS_MAX)));
  }

  #scheduleChallenge(): void {
    if (this.#standing.status === "untrusted") return;
    const { clock, settings } = this.#context;
    this.#cancelNextChallenge = clock.setTimer(settings.challengeInterval_ms, () => this.#challenge(), "background");
  }

  #challenge(): void {
    const challenge = this.#machine.exchange.issue((outcome) => this.#onOutcome(outcome));
    this.#machine.peer.control({ type: "attestation_challenge", ...challenge });
  }

  #onOutcome(outcome: ChallengeOutcome): void {
    this.#context.events({ type: "challenge", outcome: outcome.type });
    this.#health.challenged(outcome.type === "passed" ? "passed" : "failed");
    this.#move(this.#after(outcome));
    if (this.#standing.silent >= this.#context.settings.silencesToClose) {
      this.#machine.peer.close(CloseCode.policy, "attestation unresponsive — reconnect required", "unresponsive");
      return;
    }
    this.#scheduleChallenge();
  }

  #after(outcome: ChallengeOutcome): Standing {
    switch (outcome.type) {
      case "passed":
        return afterGoodAnswer(this.#standing, this.#context.clock.now_ms());
      case "silent":
        return afterSilence(this.#standing, this.#context.settings.silencesToUntrust);
      case "wrong":
        return afterWrongAnswer(this.#standing, outcome.reason);
    }
  }

  #move(next: Standing): void {
    const before = this.#standing;
    if (next === before) return;
    this.#standing = next;
    this.#onChange(next);
    if (next.status === before.status) return;
    this.#announce();
    if (next.status === "untrusted") this.#remember(next.reason ?? "");
  }

  #announce(): void {
    const { status, reason } = this.#standing;
    this.#machine.peer.control({
      type: "trust_status",
      trust_level: this.#machine.device.trustLevel,
      status: status === "online" ? "online" : "untrusted",
      ...(reason === undefined ? {} : { reason }),
    });
  }

  /** Untrusted is for good: there is nothing left to challenge, and neither a reconnect nor a restart may forget it. */
  #remember(reason: string): void {
    const { machineId } = this.#machine.device;
    const { trust, records, events, log, publicId } = this.#context;
    this.stop();
    trust.violations.record(machineId, reason);
    records.untrusted(machineId, reason);
    events({ type: "untrusted", machineId, reason });
    log.warn({ machine: publicId(machineId), reason }, "provider became untrusted");
  }
}
