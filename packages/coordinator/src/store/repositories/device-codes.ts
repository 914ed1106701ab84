import { and, eq, gt, lt } from "drizzle-orm";
import { run } from "../run-query.js";
import { deviceCodes } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type DeviceCodeRow = typeof deviceCodes.$inferSelect;

/** Machines that ask to be linked. Each step is one conditional update, so that of two at once only one takes it. */
export const deviceCodeRepository = {
  /** False when the user code, or the device code, exists. */
  async insert(tx: Tx, row: typeof deviceCodes.$inferInsert): Promise<boolean> {
    const inserted = await run(tx.insert(deviceCodes).values(row).onConflictDoNothing().returning({ hash: deviceCodes.deviceCodeHash }));
    return inserted.length > 0;
  },

  async byUserCode(tx: Tx, userCodeHash: string): Promise<DeviceCodeRow | undefined> {
    const [row] = await run(tx.select().from(deviceCodes).where(eq(deviceCodes.userCodeHash, userCodeHash)));
    return row;
  },

  /** Locked, so that polls of one code take turns. */
  async byDeviceCode(tx: Tx, deviceCodeHash: string): Promise<DeviceCodeRow | undefined> {
    const [row] = await run(tx.select().from(deviceCodes).where(eq(deviceCodes.deviceCodeHash, deviceCodeHash)).for("update"));
    return row;
  },

  /** False when it is not pending any more. */
  async decide(tx: Tx, userCodeHash: string, decision: { readonly status: "approved" | "denied"; readonly accountId: string }, at: Date) {
    const isOpen = and(eq(deviceCodes.userCodeHash, userCodeHash), eq(deviceCodes.status, "pending"), gt(deviceCodes.expiresAt, at));
    const decided = await run(tx.update(deviceCodes).set(decision).where(isOpen).returning({ hash: deviceCodes.deviceCodeHash }));
    return decided.length > 0;
  },

  async polled(tx: Tx, deviceCodeHash: string, poll: { readonly lastPollAt: Date; readonly interval_s: number }): Promise<void> {
    await run(tx.update(deviceCodes).set(poll).where(eq(deviceCodes.deviceCodeHash, deviceCodeHash)));
  },

  /** The account that a code was approved for, once. */
  async consume(tx: Tx, deviceCodeHash: string, at: Date): Promise<string | undefined> {
    const isDue = and(eq(deviceCodes.deviceCodeHash, deviceCodeHash), eq(deviceCodes.status, "approved"), gt(deviceCodes.expiresAt, at));
    const consumed = { status: "consumed", consumedAt: at } as const;
    const [row] = await run(tx.update(deviceCodes).set(consumed).where(isDue).returning({ account: deviceCodes.accountId }));
    return row?.account ?? undefined;
  },

  async removeOlderThan(tx: Tx, at: Date): Promise<void> {
    await run(tx.delete(deviceCodes).where(lt(deviceCodes.expiresAt, at)));
  },
};
