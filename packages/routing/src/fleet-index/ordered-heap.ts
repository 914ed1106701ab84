/** What a heap holds: the key by which it orders, and where it is, which the heap keeps. */
export interface HeapEntry {
  readonly key: number;
  /** Index in the heap; -1 outside of one. */
  position: number;
}

/**
 * A binary min-heap whose entries know their places, so that any of them can be taken out in O(log n). Its array is readable: any index
 * below `size` is some entry, which is how samples are drawn.
 */
export class OrderedHeap<Entry extends HeapEntry> {
  readonly #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** @param index below `size`; 0 is the least */
  at(index: number): Entry | undefined {
    return this.#entries[index];
  }

  add(entry: Entry): void {
    entry.position = this.#entries.length;
    this.#entries.push(entry);
    this.#rise(entry);
  }

  remove(entry: Entry): void {
    const last = this.#entries.pop();
    if (last === undefined) return;
    if (last !== entry) {
      this.#place(last, entry.position);
      this.#rise(last);
      this.#sink(last);
    }
    entry.position = -1;
  }

  #rise(entry: Entry): void {
    while (entry.position > 0) {
      const above = entry.position;
      const parent = this.#entries[(above - 1) >> 1];
      if (parent === undefined || parent.key <= entry.key) return;
      const to = parent.position;
      this.#place(parent, above);
      this.#place(entry, to);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const from = entry.position;
      const left = this.#entries[2 * from + 1];
      const right = this.#entries[2 * from + 2];
      const least = right !== undefined && left !== undefined && right.key < left.key ? right : left;
      if (least === undefined || entry.key <= least.key) return;
      const to = least.position;
      this.#place(least, from);
      this.#place(entry, to);
    }
  }

  #place(entry: Entry, index: number): void {
    this.#entries[index] = entry;
    entry.position = index;
  }
}
