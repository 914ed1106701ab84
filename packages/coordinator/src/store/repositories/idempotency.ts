import { and, eq, lt } from "drizzle-orm";
import { run } from "../run-query.js";
import { idempotencyKeys, reservations } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type IdempotencyRow = typeof idempotencyKeys.$inferSelect;

/** A row that stands in the way, and what became of the money of its request; undefined when there was none. */
export interface StandingKey extends IdempotencyRow {
  readonly reservation: "held" | "parked" | "settled" | "released" | undefined;
}

export const idempotencyRepository = {
  /** False when the account has used the key already. */
  async insert(tx: Tx, row: IdempotencyRow): Promise<boolean> {
    const rows = await run(tx.insert(idempotencyKeys).values(row).onConflictDoNothing().returning({ key: idempotencyKeys.keyDigest }));
    return rows.length > 0;
  },

  async find(tx: Tx, accountId: string, keyDigest: string): Promise<StandingKey | undefined> {
    const [found] = await run(
      tx
        .select({ row: idempotencyKeys, reservation: reservations.state })
        .from(idempotencyKeys)
        .leftJoin(reservations, eq(reservations.requestId, idempotencyKeys.requestId))
        .where(ofKey(accountId, keyDigest)),
    );
    return found && { ...found.row, reservation: found.reservation ?? undefined };
  },

  /** False when the row is not that of the request any more. */
  async replace(tx: Tx, standing: IdempotencyRow, row: IdempotencyRow): Promise<boolean> {
    const replaced = await run(
      tx.update(idempotencyKeys).set(row).where(ofRequest(standing)).returning({ key: idempotencyKeys.keyDigest }),
    );
    return replaced.length > 0;
  },

  async end(tx: Tx, row: IdempotencyRow): Promise<void> {
    await run(tx.update(idempotencyKeys).set({ state: "ended" }).where(ofRequest(row)));
  },

  async remove(tx: Tx, row: IdempotencyRow): Promise<void> {
    await run(tx.delete(idempotencyKeys).where(ofRequest(row)));
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, at)));
  },
};

function ofKey(accountId: string, keyDigest: string) {
  return and(eq(idempotencyKeys.accountId, accountId), eq(idempotencyKeys.keyDigest, keyDigest));
}

function ofRequest({ accountId, keyDigest, requestId }: IdempotencyRow) {
  return and(ofKey(accountId, keyDigest), eq(idempotencyKeys.requestId, requestId));
}
