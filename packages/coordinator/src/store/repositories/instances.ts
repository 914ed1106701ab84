import type { Client } from "../client.js";

/** Coordinators that use this database. */
export const instanceRepository = {
  /** Inserts the instance, or renews its heartbeat. */
  async announce(
    client: Client,
    instance: { readonly id: string; readonly host: string; readonly pid: number; readonly at: Date },
  ): Promise<void> {
    const { id, host, pid, at } = instance;
    const time = at.toISOString();
    await client`insert into coordinator_instances (id, host, pid, started_at, heartbeat_at) values (${id}, ${host}, ${pid}, ${time}, ${time})
      on conflict (id) do update set heartbeat_at = excluded.heartbeat_at`;
  },
};
