import type { Clock } from "@umbel/protocol";
import { type Affinity, AffinityTable } from "@umbel/routing";
import type { Settings } from "../../config/index.js";
import type { Metrics } from "../../insight/index.js";
import type { PreparedRequest } from "../admit/check.js";
import { prefixMarks } from "./prefix-marks.js";

/** Prefixes remembered: the marks of some thousand conversations. */
const ENTRIES_max = 50_000;

/** Sends requests to where their prompt's beginning is in a cache. Source: routing.md §15. */
export interface CacheAffinity {
  /** What is known of a request's prefix. */
  of(request: PreparedRequest): KnownPrefix;
}

export interface KnownPrefix {
  /** For the request's spec; undefined where there is nothing to go by. */
  readonly affinity: Affinity | undefined;
  /** A machine has begun to answer: it holds the prompt now. */
  served(machineId: string): void;
  /** The answer has ended, and so many tokens of its prompt were found in the machine's cache. */
  settled(cached_tokens: number): void;
}

const NOTHING: KnownPrefix = { affinity: undefined, served: () => undefined, settled: () => undefined };

/** @param salt secret of this process: marks are of no use to anyone else, and gone with it */
export function createCacheAffinity(services: {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly settings: Pick<Settings, "affinityTtl_ms" | "affinityBonus_ms">;
  readonly salt: Uint8Array;
}): CacheAffinity {
  const { clock, metrics, settings, salt } = services;
  const table = new AffinityTable({ ttl_ms: settings.affinityTtl_ms, entries_max: ENTRIES_max });

  return {
    of({ input, request, build, promptTokens, spec }) {
      // Machines that serve nothing else are few, and as alike as they can be.
      if (settings.affinityBonus_ms === 0 || spec.dedicated !== undefined) return NOTHING;
      const owner = { accountId: spec.accountId, build: build.id, cacheKey: input.routing?.cacheKey };
      const marks = prefixMarks(request, promptTokens, owner, salt);
      const [first] = marks;
      if (first === undefined) return NOTHING;
      let served: string | undefined;
      const holder = table.holderOf(marks, clock.now_ms());
      return {
        affinity: { machineId: holder?.machineId, matched_tokens: holder?.tokens ?? 0, placement: first.key },
        served(machineId) {
          served = machineId;
          table.served(marks, machineId, clock.now_ms());
        },
        settled(cached_tokens) {
          const held = cached_tokens > 0 ? "hit" : "miss";
          const outcome = holder === undefined ? "unknown" : holder.machineId === served ? held : "elsewhere";
          metrics.count("cache_affinity_total", { model: build.id, outcome });
        },
      };
    },
  };
}
