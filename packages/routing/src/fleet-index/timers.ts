/** When each machine has to be looked at again. */
export interface Timers {
  /** @param at_ms monotonic instant; infinite for never */
  set(id: string, at_ms: number): void;
  clear(id: string): void;
  /** Whether some machine's instant has come. */
  isDue(now_ms: number): boolean;
  /** Takes out the machines whose instant has come, the earliest first. */
  due(now_ms: number): Iterable<string>;
}

interface Alarm {
  readonly id: string;
  at_ms: number;
  position: number;
}

/** A binary min-heap by instant, with each alarm's place, so that an instant that only moves on costs one comparison. */
export function createTimers(): Timers {
  const alarms = new Map<string, Alarm>();
  const heap: Alarm[] = [];

  const place = (alarm: Alarm, index: number): void => {
    heap[index] = alarm;
    alarm.position = index;
  };

  const settle = (alarm: Alarm): void => {
    let index = alarm.position;
    for (
      let parent = heap[(index - 1) >> 1];
      index > 0 && parent !== undefined && parent.at_ms > alarm.at_ms;
      parent = heap[(index - 1) >> 1]
    ) {
      const above = parent.position;
      place(parent, index);
      index = above;
    }
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      if (left === undefined) break;
      const least = right !== undefined && right.at_ms < left.at_ms ? right : left;
      if (alarm.at_ms <= least.at_ms) break;
      const below = least.position;
      place(least, index);
      index = below;
    }
    place(alarm, index);
  };

  const clear = (id: string): void => {
    const alarm = alarms.get(id);
    if (alarm === undefined) return;
    alarms.delete(id);
    const last = heap.pop();
    if (last === undefined || last === alarm) return;
    place(last, alarm.position);
    settle(last);
  };

  return {
    set(id, at_ms) {
      if (at_ms === Number.POSITIVE_INFINITY) {
        clear(id);
        return;
      }
      const known = alarms.get(id);
      if (known?.at_ms === at_ms) return;
      const alarm = known ?? { id, at_ms, position: heap.length };
      if (known === undefined) {
        alarms.set(id, alarm);
        heap.push(alarm);
      }
      alarm.at_ms = at_ms;
      settle(alarm);
    },
    clear,
    isDue: (now_ms) => heap[0] !== undefined && heap[0].at_ms <= now_ms,
    *due(now_ms) {
      for (let first = heap[0]; first !== undefined && first.at_ms <= now_ms; first = heap[0]) {
        clear(first.id);
        yield first.id;
      }
    },
  };
}
