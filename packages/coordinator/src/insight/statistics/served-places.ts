import type { Clock, Location } from "@umbel/protocol";

export const SERVED_PLACES_LIMITS = {
  /** For how long an answer counts. */
  hours: 24,
  /** Pairs of places that are told apart within an hour; answers between others are not counted. */
  pairs_max: 10_000,
} as const;

/** Answers between two places. */
export interface ServedBetween {
  /** Country of whoever asked; undefined where it is not known. */
  readonly from: string | undefined;
  readonly to: Location;
  readonly answers: number;
}

/** Counts answers by where they were asked for and where they were written, for public figures. */
export interface ServedPlaces {
  served(from: string | undefined, to: Location): void;
  /** Those of the last hours. */
  lately(): readonly ServedBetween[];
}

interface Hour {
  readonly number: number;
  readonly pairs: Map<string, { readonly from: string | undefined; readonly to: Location; answers: number }>;
}

const HOUR_ms = 3_600_000;

/** In memory alone: nothing is ever stored of where somebody is, and a restart begins anew. */
export function createServedPlaces({ clock }: { readonly clock: Pick<Clock, "now_ms"> }): ServedPlaces {
  let hours: Hour[] = [];

  function recent(): readonly Hour[] {
    const oldest = Math.floor(clock.now_ms() / HOUR_ms) - SERVED_PLACES_LIMITS.hours;
    hours = hours.filter(({ number }) => number > oldest);
    return hours;
  }

  function thisHour(): Hour {
    const number = Math.floor(clock.now_ms() / HOUR_ms);
    const last = recent().at(-1);
    if (last?.number === number) return last;
    const hour: Hour = { number, pairs: new Map() };
    hours.push(hour);
    return hour;
  }

  return {
    served(from, to) {
      const { pairs } = thisHour();
      const key = keyOf(from, to);
      const known = pairs.get(key);
      if (known !== undefined) known.answers += 1;
      else if (pairs.size < SERVED_PLACES_LIMITS.pairs_max) pairs.set(key, { from, to, answers: 1 });
    },
    lately() {
      const sums: Hour["pairs"] = new Map();
      for (const { pairs } of recent()) {
        for (const [key, { from, to, answers }] of pairs) {
          sums.set(key, { from, to, answers: answers + (sums.get(key)?.answers ?? 0) });
        }
      }
      return [...sums.values()];
    },
  };
}

function keyOf(from: string | undefined, { country, city = "" }: Location): string {
  return `${from ?? ""} ${country} ${city}`;
}
