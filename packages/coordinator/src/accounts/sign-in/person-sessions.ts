import { randomUUID } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import { type PersonSessionRow, personRepository, personSessionRepository, type Store, type Tx } from "../../store/index.js";
import { ask } from "../ask.js";
import { hashSecret, isSessionSecret, newSessionSecret } from "../secrets.js";
import { SIGN_IN_LIMITS } from "./types.js";

/** A session of somebody who has signed in here. */
export interface PersonSession {
  readonly id: string;
  readonly accountId: string;
  /** What began it said of itself, and the network that it came from. */
  readonly userAgent: string;
  readonly network: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

/** Sessions of people, read anew at every use, so that one that is revoked ends at once. Every method throws AccountsUnavailableError. */
export interface PersonSessions {
  /** Undefined for a token that is unknown, revoked or over, or of an account that has ended. */
  read(token: string): Promise<PersonSession | undefined>;
  /** Moves the end of a session that is in use, at most once a day. A browser's cookie has an end of its own, which the library moves. */
  extend(session: PersonSession): Promise<void>;
  /** Newest first. */
  list(accountId: string): Promise<readonly PersonSession[]>;
  /** False when the account has no such session. */
  revoke(accountId: string, id: string): Promise<boolean>;
  /** Ends a session by its token, if it is one. */
  end(token: string): Promise<void>;
  /** @returns how many ended */
  revokeOthers(accountId: string, id: string): Promise<number>;
}

interface PersonSessionsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly session_ms: number;
}

export function createPersonSessions({ store, clock, session_ms }: PersonSessionsDependencies): PersonSessions {
  const endFrom = (at: Date): Date => new Date(at.getTime() + session_ms);
  return {
    async read(token) {
      if (!isSessionSecret(token)) return undefined;
      const row = await ask(personSessionRepository.usable(store.db, hashSecret(token), clock.date()), clock);
      return row && toSession(row);
    },

    async extend({ id, lastUsedAt }) {
      const at = clock.date();
      if (at.getTime() - lastUsedAt.getTime() < SIGN_IN_LIMITS.extend_s * 1_000) return;
      await ask(personSessionRepository.extend(store.db, id, { at, expiresAt: endFrom(at) }), clock);
    },

    async list(accountId) {
      return (await ask(personSessionRepository.ofAccount(store.db, accountId, clock.date()), clock)).map(toSession);
    },

    revoke: (accountId, id) => ask(personSessionRepository.remove(store.db, accountId, id), clock),
    async end(token) {
      if (isSessionSecret(token)) await ask(personSessionRepository.removeByToken(store.db, hashSecret(token)), clock);
    },
    revokeOthers: (accountId, id) => ask(personSessionRepository.removeOthers(store.db, accountId, id), clock),
  };
}

/**
 * Signs a program in as somebody who has said that it may.
 *
 * @param bytes of its token, if that is to be made again; random ones otherwise
 * @returns its token; undefined when the account is of nobody who signs in here
 */
export async function beginSession(
  tx: Tx,
  accountId: string,
  { userAgent, network }: { readonly userAgent: string; readonly network: string },
  { at, session_ms, bytes }: { readonly at: Date; readonly session_ms: number; readonly bytes: Buffer | undefined },
): Promise<string | undefined> {
  if ((await personRepository.standing(tx, accountId))?.signsInHere !== true) return undefined;
  const { secret, hash } = newSessionSecret(bytes);
  const times = { createdAt: at, updatedAt: at, expiresAt: new Date(at.getTime() + session_ms) };
  await personSessionRepository.insert(tx, { id: randomUUID(), token: hash, userId: accountId, userAgent, ipAddress: network, ...times });
  return secret;
}

function toSession({ id, userId, userAgent, ipAddress, createdAt, updatedAt, expiresAt }: PersonSessionRow): PersonSession {
  return { id, accountId: userId, userAgent: userAgent ?? "", network: ipAddress ?? "", createdAt, lastUsedAt: updatedAt, expiresAt };
}
