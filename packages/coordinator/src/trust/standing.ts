import type { ChallengeFailure } from "./challenge.js";

/**
 * How a session stands with the coordinator. `unproven` has not shown possession of its key; `suspended` lost its standing and can
 * regain it with one good answer; `untrusted` is final for this session (routing.md §2.2).
 */
export interface Standing {
  readonly status: "unproven" | "online" | "suspended" | "untrusted";
  /** Monotonic time of the last good answer that still counts; undefined when freshness is lost. */
  readonly challengedAt_ms: number | undefined;
  /** Challenges in a row that got no answer. */
  readonly silent: number;
  /** Challenges in a row that got a wrong answer. */
  readonly wrong: number;
  /** Why the status is what it is, for the machine's owner. */
  readonly reason: string | undefined;
}

/** After this many wrong answers in a row a session loses its standing for good (protocol.md §5, trust.md §6.1). */
export const WRONG_ANSWERS_TO_UNTRUST = 3;

export const UNPROVEN: Standing = { status: "unproven", challengedAt_ms: undefined, silent: 0, wrong: 0, reason: undefined };

export function afterGoodAnswer(standing: Standing, now_ms: number): Standing {
  if (standing.status === "untrusted") return standing;
  return { status: "online", challengedAt_ms: now_ms, silent: 0, wrong: 0, reason: undefined };
}

/**
 * No answer in time: tolerated for a while, since networks and sleeping machines cause it.
 *
 * @param silences_max the one in a row with which the session loses its standing
 */
export function afterSilence(standing: Standing, silences_max: number): Standing {
  if (standing.status === "untrusted") return standing;
  const silent = standing.silent + 1;
  if (silent < silences_max) return { ...standing, silent };
  return { ...standing, status: "suspended", challengedAt_ms: undefined, silent, reason: "challenge timeout" };
}

/** A wrong answer takes the standing at once; the third in a row, or any that names another encryption key, for good. */
export function afterWrongAnswer(standing: Standing, reason: ChallengeFailure): Standing {
  if (standing.status === "untrusted") return standing;
  const wrong = standing.wrong + 1;
  if (reason === "public key mismatch" || wrong >= WRONG_ANSWERS_TO_UNTRUST) return afterViolation({ ...standing, wrong }, reason);
  return { status: "suspended", challengedAt_ms: undefined, silent: 0, wrong, reason };
}

/** The machine broke the protocol in a way no honest one does. Wins over every grant. */
export function afterViolation(standing: Standing, reason: string): Standing {
  if (standing.status === "untrusted") return standing;
  return { ...standing, status: "untrusted", challengedAt_ms: undefined, reason };
}
