import { run } from "../run-query.js";
import { coordinatorInstances } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** Coordinators that use this database. */
export const instanceRepository = {
  /** Inserts the instance, or renews its heartbeat. */
  async announce(tx: Tx, instance: { readonly id: string; readonly host: string; readonly pid: number; readonly at: Date }): Promise<void> {
    const { id, host, pid, at } = instance;
    await run(
      tx
        .insert(coordinatorInstances)
        .values({ id, host, pid, startedAt: at, heartbeatAt: at })
        .onConflictDoUpdate({ target: coordinatorInstances.id, set: { heartbeatAt: at } }),
    );
  },
};
