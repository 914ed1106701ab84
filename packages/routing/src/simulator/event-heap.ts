/** What lies ahead in virtual time. Events at one instant come in the order in which they were added, so that a run can be repeated. */
export class EventHeap {
  #times = new Float64Array(INITIAL_SIZE);
  #orders = new Float64Array(INITIAL_SIZE);
  #kinds = new Uint8Array(INITIAL_SIZE);
  #subjects = new Int32Array(INITIAL_SIZE);
  #details = new Int32Array(INITIAL_SIZE);
  #size = 0;
  #added = 0;

  /** Of the event that was taken last. */
  at_ms = 0;
  kind = 0;
  subject = 0;
  detail = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * @param kind a small number of the caller's own
   * @param subject what it is about, by number
   * @param detail a second number; 0 where one is enough
   */
  add(at_ms: number, kind: number, subject: number, detail = 0): void {
    if (this.#size === this.#times.length) this.#grow();
    let index = this.#size;
    const order = this.#added;
    this.#size += 1;
    this.#added += 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#isBefore(at_ms, order, above)) break;
      this.#copy(above, index);
      index = above;
    }
    this.#put(index, at_ms, order, kind, subject, detail);
  }

  /** Takes the next event into the fields of this object. @returns false when there is none */
  take(): boolean {
    if (this.#size === 0) return false;
    this.at_ms = at(this.#times, 0);
    this.kind = at(this.#kinds, 0);
    this.subject = at(this.#subjects, 0);
    this.detail = at(this.#details, 0);
    this.#size -= 1;
    if (this.#size > 0) this.#settleLast();
    return true;
  }

  /** Puts the last event into the free place at the top. */
  #settleLast(): void {
    const last = this.#size;
    const [at_ms, order] = [at(this.#times, last), at(this.#orders, last)];
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(at(this.#times, child + 1), at(this.#orders, child + 1), child)) child += 1;
      if (this.#isBefore(at_ms, order, child)) break;
      this.#copy(child, index);
      index = child;
    }
    this.#copy(last, index);
  }

  #isBefore(at_ms: number, order: number, other: number): boolean {
    const other_ms = at(this.#times, other);
    return at_ms < other_ms || (at_ms === other_ms && order < at(this.#orders, other));
  }

  #put(index: number, at_ms: number, order: number, kind: number, subject: number, detail: number): void {
    this.#times[index] = at_ms;
    this.#orders[index] = order;
    this.#kinds[index] = kind;
    this.#subjects[index] = subject;
    this.#details[index] = detail;
  }

  #copy(from: number, to: number): void {
    this.#put(to, at(this.#times, from), at(this.#orders, from), at(this.#kinds, from), at(this.#subjects, from), at(this.#details, from));
  }

  #grow(): void {
    const length = this.#times.length * 2;
    this.#times = into(new Float64Array(length), this.#times);
    this.#orders = into(new Float64Array(length), this.#orders);
    this.#kinds = into(new Uint8Array(length), this.#kinds);
    this.#subjects = into(new Int32Array(length), this.#subjects);
    this.#details = into(new Int32Array(length), this.#details);
  }
}

const INITIAL_SIZE = 1024;

/** Every index used here is below the heap's size. */
function at(column: Float64Array | Int32Array | Uint8Array, index: number): number {
  return column[index] ?? 0;
}

function into<Column extends Float64Array | Int32Array | Uint8Array>(larger: Column, smaller: Column): Column {
  larger.set(smaller);
  return larger;
}
