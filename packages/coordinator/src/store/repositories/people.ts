import { and, count, desc, eq, gt, isNull, lt, ne, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { authSessions, authTables, externalIdentities, invitations, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type PersonSessionRow = typeof authSessions.$inferSelect;
export type InvitationRow = typeof invitations.$inferSelect;

const { user: authUsers, account: authLogins, verification: authVerifications } = authTables;

/** Everybody who has come first at once waits here for their turn; chosen at random. */
const FIRST_PERSON_LOCK = 5_120_934_773n;

export const personRepository = {
  async count(tx: Tx): Promise<number> {
    const [row] = await run(tx.select({ people: count() }).from(authUsers));
    return row?.people ?? 0;
  },

  /** Makes those who would be the first take turns until their transaction ends. */
  async lockFirst(tx: Tx): Promise<void> {
    await run(tx.execute(sql`select pg_advisory_xact_lock(${FIRST_PERSON_LOCK}::bigint)`));
  },

  /** A person whose address is taken as proven, with a password. */
  async insertWithPassword(
    tx: Tx,
    person: { readonly id: string; readonly loginId: string; readonly name: string; readonly email: string; readonly password: string },
    at: Date,
  ): Promise<void> {
    const { id, loginId, name, email, password } = person;
    const times = { createdAt: at, updatedAt: at };
    await run(tx.insert(authUsers).values({ id, name, email, emailVerified: true, ...times }));
    await run(tx.insert(authLogins).values({ id: loginId, accountId: id, providerId: "credential", userId: id, password, ...times }));
  },

  async makeOperator(tx: Tx, accountId: string): Promise<void> {
    await run(tx.update(users).set({ operator: true }).where(eq(users.accountId, accountId)));
  },

  /** What is needed to judge a caller; undefined when there is no such account. */
  async standing(tx: Tx, accountId: string) {
    const [row] = await run(
      tx
        .select({
          operator: users.operator,
          erasedAt: users.erasedAt,
          displayName: users.displayName,
          email: users.email,
          emailPending: users.emailPending,
          signsInHere: authUsers.id,
          secondFactor: authUsers.twoFactorEnabled,
        })
        .from(users)
        .leftJoin(authUsers, eq(authUsers.id, users.accountId))
        .where(eq(users.accountId, accountId)),
    );
    return row && { ...row, signsInHere: row.signsInHere !== null, secondFactor: row.secondFactor === true };
  },

  /** Removes codes and sessions that have ended. */
  async sweep(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(authVerifications).where(lt(authVerifications.expiresAt, at)));
    await run(tx.delete(authSessions).where(lt(authSessions.expiresAt, at)));
  },
};

export const personSessionRepository = {
  async insert(tx: Tx, row: typeof authSessions.$inferInsert): Promise<void> {
    await run(tx.insert(authSessions).values(row));
  },

  /** One that has not ended, of an account that has not either. */
  async usable(tx: Tx, tokenHash: string, at: Date): Promise<PersonSessionRow | undefined> {
    const [row] = await run(
      tx
        .select({ session: authSessions })
        .from(authSessions)
        .innerJoin(users, eq(users.accountId, authSessions.userId))
        .where(and(eq(authSessions.token, tokenHash), gt(authSessions.expiresAt, at), isNull(users.erasedAt))),
    );
    return row?.session;
  },

  async extend(tx: Tx, id: string, { at, expiresAt }: { readonly at: Date; readonly expiresAt: Date }): Promise<void> {
    await run(tx.update(authSessions).set({ updatedAt: at, expiresAt }).where(eq(authSessions.id, id)));
  },

  /** Those that have not ended, newest first. */
  async ofAccount(tx: Tx, accountId: string, at: Date): Promise<readonly PersonSessionRow[]> {
    const standing = and(eq(authSessions.userId, accountId), gt(authSessions.expiresAt, at));
    return run(tx.select().from(authSessions).where(standing).orderBy(desc(authSessions.createdAt), desc(authSessions.id)));
  },

  /** False when the account has no such session. */
  async remove(tx: Tx, accountId: string, id: string): Promise<boolean> {
    const own = and(eq(authSessions.userId, accountId), eq(authSessions.id, id));
    return (await run(tx.delete(authSessions).where(own).returning({ id: authSessions.id }))).length > 0;
  },

  async removeByToken(tx: Tx, tokenHash: string): Promise<void> {
    await run(tx.delete(authSessions).where(eq(authSessions.token, tokenHash)));
  },

  /** @returns how many there were */
  async removeOthers(tx: Tx, accountId: string, id: string): Promise<number> {
    const others = and(eq(authSessions.userId, accountId), ne(authSessions.id, id));
    return (await run(tx.delete(authSessions).where(others).returning({ id: authSessions.id }))).length;
  },
};

export const invitationRepository = {
  async insert(tx: Tx, row: typeof invitations.$inferInsert): Promise<void> {
    await run(tx.insert(invitations).values(row));
  },

  /** Newest first. */
  async list(tx: Tx, limit: number): Promise<readonly InvitationRow[]> {
    return run(tx.select().from(invitations).orderBy(desc(invitations.createdAt), desc(invitations.id)).limit(limit));
  },

  async isOpen(tx: Tx, email: string, at: Date): Promise<boolean> {
    const open = and(
      eq(invitations.email, email),
      gt(invitations.expiresAt, at),
      isNull(invitations.usedAt),
      isNull(invitations.revokedAt),
    );
    return (await run(tx.select({ id: invitations.id }).from(invitations).where(open).limit(1))).length > 0;
  },

  /** False when there is none, or it was used or revoked before. */
  async revoke(tx: Tx, id: string, at: Date): Promise<boolean> {
    const open = and(eq(invitations.id, id), isNull(invitations.usedAt), isNull(invitations.revokedAt));
    return (await run(tx.update(invitations).set({ revokedAt: at }).where(open).returning({ id: invitations.id }))).length > 0;
  },
};

export const externalIdentityRepository = {
  async find(tx: Tx, issuer: string, subject: string) {
    const [row] = await run(
      tx
        .select({
          accountId: externalIdentities.accountId,
          emailCheckedAt: externalIdentities.emailCheckedAt,
          email: users.email,
          erasedAt: users.erasedAt,
        })
        .from(externalIdentities)
        .innerJoin(users, eq(users.accountId, externalIdentities.accountId))
        .where(and(eq(externalIdentities.issuer, issuer), eq(externalIdentities.subject, subject))),
    );
    return row;
  },

  /** False when somebody was quicker. */
  async insert(tx: Tx, row: typeof externalIdentities.$inferInsert): Promise<boolean> {
    const inserted = await run(
      tx.insert(externalIdentities).values(row).onConflictDoNothing().returning({ accountId: externalIdentities.accountId }),
    );
    return inserted.length > 0;
  },

  async setEmail(
    tx: Tx,
    { issuer, subject, accountId }: { readonly issuer: string; readonly subject: string; readonly accountId: string },
    email: string | undefined,
    at: Date,
  ): Promise<void> {
    if (email !== undefined) {
      await run(
        tx
          .update(users)
          .set({ email, emailPending: false })
          .where(and(eq(users.accountId, accountId), isNull(users.erasedAt))),
      );
    }
    await run(
      tx
        .update(externalIdentities)
        .set({ emailCheckedAt: at })
        .where(and(eq(externalIdentities.issuer, issuer), eq(externalIdentities.subject, subject))),
    );
  },
};
