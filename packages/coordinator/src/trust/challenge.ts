import { type AttestationResponse, type Challenge, type ChallengeClaims, SignatureError, toBase64, verifyClaims } from "@umbel/protocol";
import type { Device } from "./registration.js";

export const CHALLENGE_NONCE_BYTES = 32;

/** The one challenge that a session may answer, and what an answer must beat. */
export interface ChallengeContext {
  readonly device: Device;
  readonly sessionId: string;
  readonly challenge: Challenge;
  /** Counter of the last good answer in this session; -1 before the first. */
  readonly lastCounter: number;
}

/** Why an answer failed; shown to the machine's owner. */
export type ChallengeFailure =
  | "signature verification failed"
  | "nonce mismatch"
  | "timestamp mismatch"
  | "session mismatch"
  | "public key mismatch"
  | "counter not increasing";

export type ChallengeVerdict = { readonly ok: true; readonly counter: number } | { readonly ok: false; readonly reason: ChallengeFailure };

/**
 * Makes a challenge for one use.
 *
 * @param nonce 32 fresh random bytes
 * @param now wall-clock time; whole seconds go on the wire
 */
export function makeChallenge(nonce: Uint8Array, now: Date): Challenge {
  return { nonce: toBase64(nonce), timestamp: `${now.toISOString().slice(0, 19)}Z` };
}

/**
 * Judges the answer to the outstanding challenge: signed by the device key, over this nonce, time, session and encryption key, with a
 * counter that has never been used. The caller has matched the answer's outer nonce and asks once per challenge.
 */
export async function judgeAnswer(answer: AttestationResponse, context: ChallengeContext): Promise<ChallengeVerdict> {
  let claims: ChallengeClaims;
  try {
    claims = await verifyClaims(context.device.deviceKey, "challenge", answer.attestation);
  } catch (error) {
    if (error instanceof SignatureError) return { ok: false, reason: "signature verification failed" };
    throw error;
  }
  const reason = mismatchOf(claims, context);
  return reason ? { ok: false, reason } : { ok: true, counter: claims.counter };
}

function mismatchOf(claims: ChallengeClaims, context: ChallengeContext): ChallengeFailure | undefined {
  if (claims.nonce !== context.challenge.nonce) return "nonce mismatch";
  if (claims.timestamp !== context.challenge.timestamp) return "timestamp mismatch";
  if (claims.session_id !== context.sessionId) return "session mismatch";
  if (claims.encryption_key_thumbprint !== context.device.encryptionKeyThumbprint) return "public key mismatch";
  if (claims.counter <= context.lastCounter) return "counter not increasing";
  return undefined;
}
