/** What is to be looked at again at some instant. */
export interface Alarmed {
  /** Absent while none is set. The timers' own note, here because to find it by a key would cost more than all the rest. */
  alarm?: Alarm | undefined;
}

interface Alarm {
  at_ms: number;
  position: number;
}

/** A binary min-heap by instant, with each alarm's place, so that an instant that only moves on costs one comparison. */
export class Timers<Owner extends Alarmed> {
  readonly #heap: Owner[] = [];

  /** @param at_ms monotonic instant; infinite for never */
  set(owner: Owner, at_ms: number): void {
    const { alarm } = owner;
    if (at_ms === (alarm?.at_ms ?? Number.POSITIVE_INFINITY)) return;
    if (at_ms === Number.POSITIVE_INFINITY) {
      this.clear(owner);
      return;
    }
    if (alarm !== undefined) {
      alarm.at_ms = at_ms;
      this.#settle(alarm.position);
      return;
    }
    owner.alarm = { at_ms, position: this.#heap.length };
    this.#heap.push(owner);
    this.#settle(owner.alarm.position);
  }

  clear(owner: Owner): void {
    const { alarm } = owner;
    if (alarm === undefined) return;
    owner.alarm = undefined;
    const last = this.#heap.pop();
    if (last === undefined || last === owner) return;
    this.#place(last, alarm.position);
    this.#settle(alarm.position);
  }

  /** Takes out those whose instant has come, the earliest first. */
  *due(now_ms: number): Iterable<Owner> {
    for (let first = this.#heap[0]; first !== undefined && this.#at_ms(0) <= now_ms; first = this.#heap[0]) {
      this.clear(first);
      yield first;
    }
  }

  /** Whether somebody's instant has come. */
  isDue(now_ms: number): boolean {
    return this.#at_ms(0) <= now_ms;
  }

  #at_ms(index: number): number {
    return this.#heap[index]?.alarm?.at_ms ?? Number.POSITIVE_INFINITY;
  }

  #settle(from: number): void {
    const owner = this.#heap[from];
    if (owner?.alarm === undefined) return;
    const { at_ms } = owner.alarm;
    let index = from;
    for (let above = (index - 1) >> 1; index > 0 && this.#at_ms(above) > at_ms; above = (index - 1) >> 1) {
      this.#place(this.#heap[above], index);
      index = above;
    }
    for (;;) {
      const left = 2 * index + 1;
      const least = this.#at_ms(left + 1) < this.#at_ms(left) ? left + 1 : left;
      if (at_ms <= this.#at_ms(least)) break;
      this.#place(this.#heap[least], index);
      index = least;
    }
    this.#place(owner, index);
  }

  #place(owner: Owner | undefined, index: number): void {
    if (owner?.alarm === undefined) return;
    this.#heap[index] = owner;
    owner.alarm.position = index;
  }
}
