import { type Clock, releasePrecedence } from "@umbel/protocol";
import { inShare } from "../../in-share.js";
import { type ReleaseRow, releaseRepository, type Store } from "../../store/index.js";
import { recorded } from "../changes/recorded.js";

/** What registering a release takes. */
export type NewRelease = Omit<ReleaseRow, "active" | "createdAt">;

/** Releases of the provider program. Every read is of the database, so that one that is withdrawn is offered no more from that moment on. */
export interface Releases {
  all(): Promise<readonly ReleaseRow[]>;
  /**
   * The highest that is offered.
   *
   * @param asked.channel `beta` is offered stable releases, too
   * @param asked.device whose turn it may be; absent is offered only what everybody is
   */
  latest(asked: {
    readonly platform: string;
    readonly channel: "stable" | "beta";
    readonly device?: string;
  }): Promise<ReleaseRow | undefined>;
  /** The highest stable version that every machine of some platform is offered. */
  newestVersion(): Promise<string | undefined>;
  /** One that is not withdrawn, whoever's turn it is. */
  offered(named: { readonly version: string; readonly platform: string }): Promise<ReleaseRow | undefined>;
  /** Registers a release, or offers one again. */
  register(release: NewRelease, actor: string): Promise<ReleaseRow>;
  /** @returns false if there is no such release */
  withdraw(release: { readonly version: string; readonly platform: string }, actor: string): Promise<boolean>;
}

/** @param dependencies.onChanged a release was registered or withdrawn, here */
export function createReleases({
  store,
  clock,
  onChanged = () => undefined,
}: {
  readonly store: Pick<Store, "db">;
  readonly clock: Clock;
  readonly onChanged?: () => void;
}): Releases {
  return {
    all: () => releaseRepository.all(store.db),
    async latest({ platform, channel, device }) {
      const offered = (await releaseRepository.offered(store.db, platform)).filter(
        (row) =>
          (channel === "beta" || row.channel === "stable") &&
          (device === undefined ? row.rollout_percent === 100 : inShare(row.rollout_percent, "release", row.version, device)),
      );
      return offered.sort((a, b) => releasePrecedence(b.version, a.version))[0];
    },
    async newestVersion() {
      const offered = (await releaseRepository.all(store.db)).filter(
        ({ active, channel, rollout_percent }) => active && channel === "stable" && rollout_percent === 100,
      );
      return offered.map(({ version }) => version).sort((a, b) => releasePrecedence(b, a))[0];
    },
    async offered({ version, platform }) {
      const found = await releaseRepository.find(store.db, version, platform);
      return found?.active === true ? found : undefined;
    },
    async register(release, actor) {
      const at = clock.date();
      const row = { ...release, active: true, createdAt: at };
      await store.db.transaction(async (tx) => {
        const before = await releaseRepository.find(tx, release.version, release.platform);
        await releaseRepository.upsert(tx, row);
        await recorded(tx, { actor, at }, { action: "release.register", target: nameOf(release), before, after: row });
      });
      onChanged();
      return row;
    },
    async withdraw(named, actor) {
      const isThere = await store.db.transaction(async (tx) => {
        const before = await releaseRepository.find(tx, named.version, named.platform);
        if (before === undefined) return false;
        await releaseRepository.upsert(tx, { ...before, active: false });
        await recorded(
          tx,
          { actor, at: clock.date() },
          { action: "release.withdraw", target: nameOf(named), before: { active: before.active } },
        );
        return true;
      });
      if (isThere) onChanged();
      return isThere;
    },
  };
}

function nameOf({ version, platform }: { readonly version: string; readonly platform: string }): string {
  return `${version} ${platform}`;
}
