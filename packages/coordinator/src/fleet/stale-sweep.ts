import type { Peer } from "./connection/peer.js";
import type { FleetLog } from "./ports.js";

interface Watched {
  readonly peer: Pick<Peer, "abort">;
  /** Since its last heartbeat. */
  silence_ms(now_ms: number): number;
  /** Whether it has been silent over this sweep and as many before it as it takes. */
  isStale(now_ms: number): boolean;
}

/**
 * Disconnects machines that have been silent for too long. The log has how long all others have been silent, too: where that is as long, it was
 * this coordinator, or its network, that stood still, and not the machines.
 */
export function sweepStale(sessions: readonly Watched[], now_ms: number, log: Pick<FleetLog, "warn">): void {
  const stale = sessions.filter((session) => session.isStale(now_ms));
  if (stale.length === 0) return;
  const gone_s = silences_s(stale, now_ms);
  const fleet_s = silences_s(sessions, now_ms);
  log.warn(
    {
      event: "stale",
      machines: stale.length,
      silent_s: { least: gone_s(0), most: gone_s(1) },
      fleet: { machines: sessions.length, silent_s: { least: fleet_s(0), p50: fleet_s(0.5), p90: fleet_s(0.9), most: fleet_s(1) } },
    },
    "machines that have been silent for too long are disconnected",
  );
  for (const { peer } of stale) peer.abort("stale");
}

/** @returns tells the silence that such a share of the machines does not exceed, in seconds */
function silences_s(sessions: readonly Watched[], now_ms: number): (share: number) => number {
  const sorted_ms = sessions.map((session) => session.silence_ms(now_ms)).sort((a, b) => a - b);
  return (share) => Math.round((sorted_ms[Math.floor(share * (sorted_ms.length - 1))] ?? 0) / 100) / 10;
}
