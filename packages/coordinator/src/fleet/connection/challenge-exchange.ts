import type { AttestationResponse, Challenge, Clock } from "@umbel/protocol";
import type { ChallengeFailure, Device, Trust } from "../../trust/index.js";
import type { FleetLog } from "../ports.js";

export type ChallengeOutcome =
  | { readonly type: "passed" }
  | { readonly type: "silent" }
  | { readonly type: "wrong"; readonly reason: ChallengeFailure };

/** Whom challenges are for, and how long each may take to answer. */
interface ChallengedSession {
  readonly device: Device;
  readonly sessionId: string;
  readonly timeout_ms: number;
}

/** Challenges of one session, one at a time, each answered at most once and within its deadline. */
export class ChallengeExchange {
  readonly #subject: ChallengedSession;
  readonly #trust: Trust;
  readonly #clock: Clock;
  readonly #log: FleetLog;
  #onOutcome: (outcome: ChallengeOutcome) => void = () => undefined;
  #outstanding: Challenge | undefined;
  #lastCounter = -1;
  #cancelTimeout: () => void = () => undefined;
  #isStopped = false;

  constructor(subject: ChallengedSession, trust: Trust, clock: Clock, log: FleetLog) {
    this.#subject = subject;
    this.#trust = trust;
    this.#clock = clock;
    this.#log = log;
  }

  /** Makes the next challenge and starts its deadline. The outcome goes to `onOutcome`, exactly once unless stopped. */
  issue(onOutcome: (outcome: ChallengeOutcome) => void): Challenge {
    this.#onOutcome = onOutcome;
    const challenge = this.#trust.challenge();
    this.#outstanding = challenge;
    this.#cancelTimeout = this.#clock.setTimer(
      this.#subject.timeout_ms,
      () => {
        this.#outstanding = undefined;
        this.#report({ type: "silent" });
      },
      "background",
    );
    return challenge;
  }

  /** Takes an answer. False when it answers no outstanding challenge: stale, repeated or made up. */
  answer(message: AttestationResponse): boolean {
    const challenge = this.#outstanding;
    if (this.#isStopped || challenge?.nonce !== message.nonce) return false;
    this.#outstanding = undefined;
    this.#cancelTimeout();
    void this.#judge(message, challenge);
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimeout();
  }

  async #judge(message: AttestationResponse, challenge: Challenge): Promise<void> {
    try {
      const verdict = await this.#trust.judge(message, { ...this.#subject, challenge, lastCounter: this.#lastCounter });
      if (verdict.ok) this.#lastCounter = verdict.counter;
      this.#report(verdict.ok ? { type: "passed" } : { type: "wrong", reason: verdict.reason });
    } catch (error) {
      // Not the machine's fault, but nothing was proven either.
      this.#log.error({ err: error }, "a challenge answer could not be judged");
      this.#report({ type: "silent" });
    }
  }

  #report(outcome: ChallengeOutcome): void {
    if (!this.#isStopped) this.#onOutcome(outcome);
  }
}
