import { eq } from "drizzle-orm";
import { run } from "../run-query.js";
import { providers } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** What is kept of a machine between its connections. */
export interface MachineRow {
  /** Stable identity: thumbprint of the device key. */
  readonly machineId: string;
  readonly accountId: string | undefined;
  /** Raw X25519 public key, base64. */
  readonly encryptionKey: string;
  readonly hardware: unknown;
  readonly models: unknown;
  readonly backend: string;
  readonly version: string;
  readonly trustLevel: string;
  readonly at: Date;
}

export const machineRepository = {
  /** Inserts the machine or replaces what is known of it. */
  async register(tx: Tx, { machineId, at, ...facts }: MachineRow): Promise<void> {
    const known = { ...facts, accountId: facts.accountId ?? null, lastSeenAt: at };
    await run(
      tx
        .insert(providers)
        .values({ machineId, registeredAt: at, ...known })
        .onConflictDoUpdate({ target: providers.machineId, set: known }),
    );
  },

  async touch(tx: Tx, machineId: string, at: Date): Promise<void> {
    await run(tx.update(providers).set({ lastSeenAt: at }).where(eq(providers.machineId, machineId)));
  },
};
