import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import { z } from "zod";
import { type InvitationRow, invitationRepository, personRepository, type Store } from "../../store/index.js";
import { AccountsError } from "../accounts-error.js";
import { ask } from "../ask.js";
import { checkedText } from "../rules.js";
import type { SignIn } from "./types.js";
import { SIGN_IN_LIMITS } from "./types.js";

export const INVITATION_LIMITS = {
  kept_ms: 14 * 24 * 3_600_000,
  listed_max: 200,
} as const;

/** The first person of a coordinator. */
export interface FirstPerson {
  /** As it was printed at the start, and stands in a file of the home. */
  readonly token: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** What an account is besides its money and keys. */
export interface AccountStanding {
  readonly operator: boolean;
  readonly erased: boolean;
  readonly displayName: string;
  readonly email: string | null;
  readonly emailPending: boolean;
  /** Whether it is of somebody who signs in with this coordinator itself. */
  readonly signsInHere: boolean;
  readonly secondFactor: boolean;
}

/** People, and how they come to be here. Every method throws AccountsUnavailableError without an answer. */
export interface People {
  /** Whether nobody has an account yet, so that the first one is still to be made. */
  isEmpty(): Promise<boolean>;
  /**
   * Makes the first person, who is an operator. Of several at once, one is first.
   *
   * @returns `done`: somebody was first already; `wrong_token`
   * @throws AccountsError `invalid`
   */
  setUp(person: FirstPerson): Promise<"made" | "done" | "wrong_token">;
  /** Undefined when there is no such account. */
  standing(accountId: string): Promise<AccountStanding | undefined>;
  /** @throws AccountsError `invalid` */
  invite(email: string, invitedBy: string): Promise<InvitationRow>;
  /** Newest first. */
  invitations(): Promise<readonly InvitationRow[]>;
  /** False when there is none that is open. */
  revokeInvitation(id: string): Promise<boolean>;
  sweep(): Promise<void>;
}

interface PeopleDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly signIn: Pick<SignIn, "hashPassword">;
  /** The token of the set-up, asked for only while it is to be done. */
  readonly setupToken: () => Promise<string>;
  /** The set-up is done, and its token worth nothing. */
  readonly onSetUp: () => Promise<void>;
}

export function createPeople({ store, clock, signIn, setupToken, onSetUp }: PeopleDependencies): People {
  /** Once there is somebody, there always is. */
  let isKnownTaken = false;

  async function isEmpty(): Promise<boolean> {
    isKnownTaken ||= (await ask(personRepository.count(store.db), clock)) > 0;
    return !isKnownTaken;
  }

  return {
    isEmpty,

    async setUp({ token, name, email, password }) {
      if (!(await isEmpty())) return "done";
      if (!isSame(token, await setupToken())) return "wrong_token";
      const id = randomUUID();
      const person = {
        id,
        loginId: randomUUID(),
        name: checkedName(name),
        email: checkedEmail(email),
        password: checkedPassword(password),
      };
      const hashed = await signIn.hashPassword(person.password);
      const made = store.transaction(async (tx) => {
        await personRepository.lockFirst(tx);
        if ((await personRepository.count(tx)) > 0) return false;
        await personRepository.insertWithPassword(tx, { ...person, password: hashed }, clock.date());
        await personRepository.makeOperator(tx, id);
        return true;
      });
      if (!(await ask(made, clock))) return "done";
      await onSetUp();
      return "made";
    },

    async standing(accountId) {
      const row = await ask(personRepository.standing(store.db, accountId), clock);
      if (row === undefined) return undefined;
      const { erasedAt, ...rest } = row;
      return { ...rest, erased: erasedAt !== null };
    },

    async invite(email, invitedBy) {
      const createdAt = clock.date();
      const expiresAt = new Date(createdAt.getTime() + INVITATION_LIMITS.kept_ms);
      const row = { id: `inv_${randomUUID().replaceAll("-", "")}`, email: checkedEmail(email), invitedBy, createdAt, expiresAt };
      await ask(invitationRepository.insert(store.db, row), clock);
      return { ...row, usedAt: null, accountId: null, revokedAt: null };
    },

    invitations: () => ask(invitationRepository.list(store.db, INVITATION_LIMITS.listed_max), clock),
    revokeInvitation: (id) => ask(invitationRepository.revoke(store.db, id, clock.date()), clock),
    sweep: () => ask(personRepository.sweep(store.db, clock.date()), clock),
  };
}

const EMAIL = z.email().max(254);

function checkedEmail(email: string): string {
  const result = EMAIL.safeParse(email.trim().toLowerCase());
  if (result.success) return result.data;
  throw new AccountsError("invalid", "email", "an e-mail address");
}

function checkedName(name: string): string {
  return checkedText("name", name, SIGN_IN_LIMITS.name_characters_max);
}

function checkedPassword(password: string): string {
  const { password_characters_min: least, password_characters_max: most } = SIGN_IN_LIMITS;
  if (password.length >= least && password.length <= most) return password;
  throw new AccountsError("invalid", "password", `${least} to ${most} characters`);
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((secret) => createHash("sha256").update(secret).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
