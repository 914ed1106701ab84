import type { AttestationResponse, Challenge, Clock, Register } from "@umbel/protocol";
import { CHALLENGE_NONCE_BYTES, type ChallengeContext, type ChallengeVerdict, judgeAnswer, makeChallenge } from "./challenge.js";
import { appraiseRegistration, type RegistrationVerdict } from "./registration.js";
import { createViolations, type Violations } from "./violations.js";

/** Verification of what machines say about themselves. */
export interface Trust {
  /** Verifies registration evidence. Resolves with a refusal for bad evidence; rejects only when verification itself breaks. */
  appraise(register: Register): Promise<RegistrationVerdict>;
  /** A fresh challenge, for one use. */
  challenge(): Challenge;
  /** Judges the answer to the outstanding challenge. */
  judge(answer: AttestationResponse, context: ChallengeContext): Promise<ChallengeVerdict>;
  readonly violations: Violations;
}

export interface TrustDependencies {
  readonly clock: Clock;
  /** Cryptographically secure random bytes. */
  readonly randomBytes: (length: number) => Uint8Array;
}

/** Creates the verifier for software device keys, whose level is `self_signed` (trust.md §5.3). */
export function createTrust({ clock, randomBytes }: TrustDependencies): Trust {
  return {
    appraise: (register) => appraiseRegistration(register, clock.date()),
    challenge: () => makeChallenge(randomBytes(CHALLENGE_NONCE_BYTES), clock.date()),
    judge: judgeAnswer,
    violations: createViolations(),
  };
}
