/** One of several groups of cells that are alike in something. */
export interface Row {
  /** What its cells are alike in. */
  readonly code: number;
  /** How many cells there are. */
  readonly size: number;
  /** What the cheapest of them costs a request of typical length at least. */
  readonly least_ms: number;
}

const WIDTH = 4;
const [CODE, SIZE, LEAST_ms, ROOM_tokens] = [0, 1, 2, 3];

/**
 * Rows in order of their codes. What a search asks of every row lies in one array of plain numbers beside them, so that asking all of them
 * reads little memory: at 100,000 machines it is memory that takes the time.
 */
export class Rows<R extends Row> {
  list: readonly R[] = [];
  #numbers: number[] = [];

  codeAt(place: number): number {
    return this.#numbers[place * WIDTH + CODE] ?? Number.POSITIVE_INFINITY;
  }

  sizeAt(place: number): number {
    return this.#numbers[place * WIDTH + SIZE] ?? 0;
  }

  /** What the cheapest cell of the row costs at least; infinite where there is no row. */
  leastAt_ms(place: number): number {
    return this.#numbers[place * WIDTH + LEAST_ms] ?? Number.POSITIVE_INFINITY;
  }

  /** No cell of the row has more room; all may have less once cells have left. */
  roomAt_tokens(place: number): number {
    return this.#numbers[place * WIDTH + ROOM_tokens] ?? 0;
  }

  /** Of all rows. */
  get least_ms(): number {
    let least_ms = Number.POSITIVE_INFINITY;
    for (let place = 0; place < this.list.length; place += 1) least_ms = Math.min(least_ms, this.leastAt_ms(place));
    return least_ms;
  }

  get room_tokens(): number {
    let room_tokens = 0;
    for (let place = 0; place < this.list.length; place += 1) room_tokens = Math.max(room_tokens, this.roomAt_tokens(place));
    return room_tokens;
  }

  /** Place of a row; where there is none of this code, the place for it. */
  placeOf(code: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.codeAt(middle) < code) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(code: number): R | undefined {
    const place = this.placeOf(code);
    return this.codeAt(place) === code ? this.list[place] : undefined;
  }

  add(row: R): void {
    const place = this.placeOf(row.code);
    // Copies hold no more than they need, and rows come and go rarely.
    this.list = this.list.toSpliced(place, 0, row);
    this.#numbers = this.#numbers.toSpliced(place * WIDTH, 0, row.code, row.size, row.least_ms, 0);
  }

  /**
   * After cells of a row have come, left or moved. An empty row is dropped.
   *
   * @param room_tokens of the one that came or moved
   * @returns whether the row as a whole has changed by it
   */
  changed(row: R, room_tokens: number): boolean {
    const place = this.placeOf(row.code);
    const { size, least_ms } = row;
    if (size === 0) {
      this.list = this.list.toSpliced(place, 1);
      this.#numbers = this.#numbers.toSpliced(place * WIDTH, WIDTH);
      return true;
    }
    const most_tokens = Math.max(room_tokens, this.roomAt_tokens(place));
    const isSame = this.leastAt_ms(place) === least_ms && this.roomAt_tokens(place) === most_tokens && this.sizeAt(place) === size;
    if (isSame) return false;
    this.#numbers[place * WIDTH + SIZE] = size;
    this.#numbers[place * WIDTH + LEAST_ms] = least_ms;
    this.#numbers[place * WIDTH + ROOM_tokens] = most_tokens;
    return true;
  }

  /** Takes down what is known of a row's room. */
  learn(row: R, room_tokens: number): void {
    this.#numbers[this.placeOf(row.code) * WIDTH + ROOM_tokens] = room_tokens;
  }
}
