import type { Clock } from "@umbel/protocol";
import { releaseRepository, type Store } from "../../store/index.js";
import { recorded } from "../changes/recorded.js";

/** Oldest version of the provider program that gets requests, and who has said so. */
export interface StatedFloor {
  /** Empty is any. */
  readonly version: string;
  /** `setting`: the coordinator's own, because no operator has said otherwise. */
  readonly from: "operator" | "setting";
  readonly setBy: string | undefined;
  readonly setAt: Date | undefined;
}

/** What an operator says by a call counts before the setting, on every coordinator, until it is taken back. Source: catalog.md §21. */
export interface VersionFloor {
  stated(): StatedFloor;
  /** @param version undefined goes back to the setting */
  set(version: string | undefined, actor: string): Promise<void>;
  /** Looks whether another coordinator was told. What was known stays where that fails. @throws when the database cannot answer */
  refresh(): Promise<void>;
}

export function createVersionFloor({
  store,
  clock,
  setting,
  onChanged,
}: {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly setting: string;
  /** It is another version than before. */
  readonly onChanged: () => void;
}): VersionFloor {
  const own: StatedFloor = { version: setting, from: "setting", setBy: undefined, setAt: undefined };
  let stated = own;

  async function refresh(): Promise<void> {
    const row = await releaseRepository.versionFloor(store.db);
    const before = stated.version;
    stated = row === undefined ? own : { version: row.version, from: "operator", setBy: row.setBy, setAt: row.setAt };
    if (stated.version !== before) onChanged();
  }

  return {
    stated: () => stated,
    refresh,
    async set(version, actor) {
      const at = clock.date();
      await store.db.transaction(async (tx) => {
        const before = await releaseRepository.versionFloor(tx);
        await releaseRepository.setVersionFloor(tx, version === undefined ? undefined : { version, setBy: actor, setAt: at });
        const change = { before: before?.version ?? null, after: version ?? null };
        await recorded(tx, { actor, at }, { action: "providers.floor", target: "providers", ...change });
      });
      await refresh();
    },
  };
}
