import type { DecisionStore, NewRow, RowEnd, RowKey } from "./ports.js";

/** What waits to be written: in order, so that no end overtakes its beginning. */
export type WriterTask =
  | { readonly type: "selected"; readonly row: () => NewRow }
  /** `end` is reckoned when it is written, which is no longer anybody's time. */
  | { readonly type: "ended"; readonly end: () => RowEnd };

/** Rows reckoned without letting anybody else have a turn: each takes some hundred microseconds. */
const AT_A_STRETCH = 4;

/** Writes batches of tasks: rows that begin and end in the same batch are written once. */
export function createWriter(store: Pick<DecisionStore, "ensureDay" | "insert" | "end">): (batch: readonly WriterTask[]) => Promise<void> {
  const knownDays = new Set<string>();

  async function ensureDays(rows: Iterable<NewRow>): Promise<void> {
    for (const { day } of rows) {
      if (knownDays.has(day)) continue;
      await store.ensureDay(day);
      knownDays.add(day);
    }
  }

  return async (batch) => {
    const fresh = new Map<string, NewRow>();
    const ends = new Map<string, RowEnd>();
    for (const [index, task] of batch.entries()) {
      if (index > 0 && index % AT_A_STRETCH === 0) await new Promise(setImmediate);
      if (task.type === "selected") {
        const row = task.row();
        fresh.set(keyOf(row), { ...row, waited: row.waited || fresh.get(keyOf(row))?.waited === true });
      } else {
        const end = task.end();
        const key = keyOf(end);
        const row = fresh.get(key);
        if (row === undefined) ends.set(key, { ...ends.get(key), ...end });
        else fresh.set(key, { ...row, ...end });
      }
    }
    await ensureDays(fresh.values());
    if (fresh.size > 0) await store.insert([...fresh.values()]);
    for (const end of ends.values()) await store.end(end);
  };
}

function keyOf({ requestId, attempt, day }: RowKey): string {
  return `${requestId} ${attempt} ${day}`;
}
