import type { Decision } from "@umbel/routing";

/** One selection of routing. Ids and numbers only: nothing of what was asked. */
export interface DecisionRecord {
  readonly requestId: string;
  /** From 0; each further attempt of a request has its own decision. */
  readonly attempt: number;
  readonly at: Date;
  readonly build: string;
  readonly decision: Decision;
}

/** Remembers the latest selections, so that an operator can ask why a request went where it went. */
export interface DecisionLog {
  record(entry: DecisionRecord): void;
  /** Selections of one request, oldest first; empty when it is unknown or long ago. */
  find(requestId: string): readonly DecisionRecord[];
}

/** @param capacity selections kept; the oldest is forgotten first */
export function createDecisionLog(capacity = 1_000): DecisionLog {
  const entries: DecisionRecord[] = [];
  let next = 0;
  return {
    record(entry) {
      entries[next] = entry;
      next = (next + 1) % capacity;
    },
    find(requestId) {
      return entries.filter((entry) => entry.requestId === requestId).sort((one, other) => one.attempt - other.attempt);
    },
  };
}
