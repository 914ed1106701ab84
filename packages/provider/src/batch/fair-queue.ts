/** First come, first served within a lane; the lanes take turns, so that one of them cannot hold up the others. */
export interface FairQueue<T> {
  readonly size: number;
  sizeOf(lane: string): number;
  push(lane: string, item: T): void;
  /** What `shift` would return. */
  peek(): T | undefined;
  /** The next item of the lane whose turn it is. */
  shift(): T | undefined;
  /** Takes an item out of its lane, wherever it stands. */
  remove(lane: string, item: T): void;
}

export function createFairQueue<T>(): FairQueue<T> {
  /** In order of turns. */
  const lanes = new Map<string, T[]>();
  let size = 0;

  return {
    get size() {
      return size;
    },
    sizeOf: (lane) => lanes.get(lane)?.length ?? 0,
    push(lane, item) {
      const items = lanes.get(lane);
      if (items === undefined) lanes.set(lane, [item]);
      else items.push(item);
      size += 1;
    },
    peek() {
      for (const [first] of lanes.values()) return first;
      return undefined;
    },
    shift() {
      for (const [lane, items] of lanes) {
        const item = items.shift();
        lanes.delete(lane);
        if (items.length > 0) lanes.set(lane, items);
        if (item !== undefined) size -= 1;
        return item;
      }
      return undefined;
    },
    remove(lane, item) {
      const items = lanes.get(lane);
      const at = items?.indexOf(item) ?? -1;
      if (items === undefined || at < 0) return;
      items.splice(at, 1);
      size -= 1;
      if (items.length === 0) lanes.delete(lane);
    },
  };
}
