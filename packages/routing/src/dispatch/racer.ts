import type { Racer, Search } from "./state.js";
import type { DispatchEvent, DispatchLimits, Place } from "./types.js";

/** A machine that was chosen although it is slow is given so many times what was expected of it. */
const EXPECTED_TTFT_ALLOWANCE = 2;

/** A machine that begins now. The first attempt has its whole time; a later one at most what is left of the budget for all. */
export function racerAt(place: Place, search: Search, now_ms: number): Racer {
  const { firstContent_ms } = search.input.limits;
  const { machineId, version, ttft_ms } = place;
  const whole_ms = Math.max(firstContent_ms, EXPECTED_TTFT_ALLOWANCE * (ttft_ms ?? 0));
  const allowed_ms = Math.min(whole_ms, search.budgetEnd_ms - now_ms);
  return {
    number: search.number,
    machineId,
    version,
    start_ms: now_ms,
    allowed_ms,
    deadline_ms: now_ms + allowed_ms,
    loadingSince_ms: undefined,
    progress: 0,
    loaded_ms: 0,
    preambleEvents: 0,
  };
}

/**
 * What a machine says of its progress. That it accepted the request, or queues it, moves no deadline. Loading does, for as long as it
 * advances and no longer than `loading_ms`; once it has ended, the machine has its time anew.
 */
export function progressed(
  racer: Racer,
  event: Extract<DispatchEvent, { type: "accepted" }>,
  limits: DispatchLimits,
  now_ms: number,
): Racer {
  switch (event.phase) {
    case "queued":
      return racer;
    case "loading":
      return loading(racer, event.progress, limits, now_ms);
    case "prefilling": {
      if (racer.loadingSince_ms === undefined) return racer;
      const loaded_ms = racer.loaded_ms + now_ms - racer.loadingSince_ms;
      return { ...racer, loaded_ms, loadingSince_ms: undefined, deadline_ms: racer.start_ms + racer.allowed_ms + loaded_ms };
    }
  }
}

/** Loading under way included. */
export function loadingTime_ms({ loaded_ms, loadingSince_ms }: Racer, now_ms: number): number {
  return loaded_ms + (loadingSince_ms === undefined ? 0 : now_ms - loadingSince_ms);
}

function loading(racer: Racer, progress: number | undefined, limits: DispatchLimits, now_ms: number): Racer {
  // A machine that gives no figure is believed for saying so again.
  const advances = racer.loadingSince_ms === undefined || progress === undefined || progress > racer.progress;
  if (!advances) return racer;
  const end_ms = Math.min(now_ms + limits.loadingSilence_ms, racer.start_ms + limits.loading_ms);
  return {
    ...racer,
    loadingSince_ms: racer.loadingSince_ms ?? now_ms,
    progress: Math.max(racer.progress, progress ?? 0),
    deadline_ms: Math.max(racer.deadline_ms, end_ms),
  };
}
