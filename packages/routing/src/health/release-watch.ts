export const RELEASE_WATCH_LIMITS = {
  /** Of a release's connected machines, whose breakers opened within the window (routing.md §11.3). */
  share: 0.3,
  /** And at least so many: two machines may fail for two reasons. */
  machines_min: 3,
  window_ms: 5 * 60_000,
  /** How long a release stays under suspicion after the last breaker that opened while it did. */
  suspicion_ms: 10 * 60_000,
} as const;

interface Release {
  connected: number;
  /** By machine: when its breaker opened last. */
  readonly opened: Map<string, number>;
  suspectUntil_ms: number;
}

/** Notices when a release of the provider, rather than a machine, is at fault: many of its machines fail within minutes. */
export class ReleaseWatch {
  readonly #releases = new Map<string, Release>();

  joined(version: string): void {
    const release = this.#releases.get(version) ?? { connected: 0, opened: new Map(), suspectUntil_ms: 0 };
    this.#releases.set(version, release);
    release.connected += 1;
  }

  left(version: string, now_ms: number): void {
    const release = this.#releases.get(version);
    if (release === undefined) return;
    release.connected -= 1;
    // A release that nobody runs is forgotten, but not while it is under suspicion: its machines may only have restarted.
    if (release.connected <= 0 && release.suspectUntil_ms <= now_ms && release.opened.size === 0) this.#releases.delete(version);
  }

  /** A machine's breaker has opened. @returns whether its release has come under suspicion by that */
  opened(version: string, machineId: string, now_ms: number): boolean {
    const release = this.#releases.get(version);
    if (release === undefined) return false;
    const { share, machines_min, window_ms, suspicion_ms } = RELEASE_WATCH_LIMITS;
    release.opened.set(machineId, now_ms);
    for (const [machine, at_ms] of release.opened) if (now_ms - at_ms > window_ms) release.opened.delete(machine);
    if (release.opened.size < machines_min || release.opened.size < share * release.connected) return false;
    const wasSuspect = release.suspectUntil_ms > now_ms;
    release.suspectUntil_ms = now_ms + suspicion_ms;
    return !wasSuspect;
  }

  isSuspect(version: string, now_ms: number): boolean {
    return (this.#releases.get(version)?.suspectUntil_ms ?? 0) > now_ms;
  }

  /** Releases whose suspicion is over since this was asked last. */
  cleared(now_ms: number): readonly string[] {
    const cleared: string[] = [];
    for (const [version, release] of this.#releases) {
      if (release.suspectUntil_ms === 0 || release.suspectUntil_ms > now_ms) continue;
      release.suspectUntil_ms = 0;
      release.opened.clear();
      cleared.push(version);
      if (release.connected <= 0) this.#releases.delete(version);
    }
    return cleared;
  }
}
