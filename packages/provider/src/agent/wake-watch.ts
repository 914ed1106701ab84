import type { Clock } from "@umbel/protocol";
import { AGENT_LIMITS } from "./limits.js";

export interface WakeWatchOptions {
  readonly clock: Clock;
  /** The machine slept for about so long, and what it is connected to may not be there any more. */
  readonly onWake: (slept_ms: number) => void;
}

/**
 * Notices that the machine slept: a look comes late by one of its clocks. Linux's monotonic clock sleeps too, so there the wall clock has gone on
 * alone, as it also does when it is set forward by hand; macOS's and Windows' do not, so there both have. A wall clock that was set back is no sleep.
 *
 * @returns what ends the watch
 */
export function watchWakes({ clock, onWake }: WakeWatchOptions): () => void {
  let cancel: () => void = () => undefined;
  const look = (): void => {
    const monotonic_ms = clock.now_ms();
    const wall_ms = clock.date().getTime();
    cancel = clock.setTimer(
      AGENT_LIMITS.wakeLook_ms,
      () => {
        const passed_ms = Math.max(clock.now_ms() - monotonic_ms, clock.date().getTime() - wall_ms);
        const slept_ms = passed_ms - AGENT_LIMITS.wakeLook_ms;
        look();
        if (slept_ms >= AGENT_LIMITS.sleep_ms_min) onWake(slept_ms);
      },
      "background",
    );
  };
  look();
  return () => cancel();
}
