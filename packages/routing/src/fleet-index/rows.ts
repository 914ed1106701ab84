import type { CellHeap } from "./cell-heap.js";

/** Cells that are alike in something, in order of the least that they cost. */
export interface Row {
  /** What they are alike in. */
  readonly code: number;
  readonly cells: CellHeap;
  /** No cell decodes or reads faster. */
  readonly decode_tps_max: number;
  readonly prefill_tps_max: number;
}

/**
 * Rows in order of their codes. What a search asks of every row lies in arrays of plain numbers beside them, so that asking all of them reads
 * little memory: at 100,000 machines it is memory that takes the time.
 */
export class Rows<R extends Row> {
  list: readonly R[] = [];
  codes: number[] = [];
  sizes: number[] = [];
  /** What the first cell of each costs at least. */
  least_ms: number[] = [];
  /** No cell's room is larger; it may be smaller than this once cells have left. */
  room_tokens: number[] = [];

  /** Place of a row; where there is none of this code, the place for it. */
  placeOf(code: number): number {
    const { codes } = this;
    let low = 0;
    let high = codes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((codes[middle] ?? 0) < code) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(code: number): R | undefined {
    const place = this.placeOf(code);
    return this.codes[place] === code ? this.list[place] : undefined;
  }

  add(row: R): void {
    const place = this.placeOf(row.code);
    // Copies hold no more than they need, and rows come and go rarely.
    this.list = this.list.toSpliced(place, 0, row);
    this.codes = this.codes.toSpliced(place, 0, row.code);
    this.sizes = this.sizes.toSpliced(place, 0, 0);
    this.least_ms = this.least_ms.toSpliced(place, 0, Number.POSITIVE_INFINITY);
    this.room_tokens = this.room_tokens.toSpliced(place, 0, 0);
  }

  /** After cells of a row have come, left or moved. An empty row is dropped. @param room_tokens of the one that came or moved */
  changed(row: R, room_tokens: number): void {
    const place = this.placeOf(row.code);
    const { size } = row.cells;
    if (size === 0) {
      this.list = this.list.toSpliced(place, 1);
      for (const numbers of [this.codes, this.sizes, this.least_ms, this.room_tokens]) numbers.splice(place, 1);
      return;
    }
    this.sizes[place] = size;
    this.least_ms[place] = row.cells.costAt(0);
    if (room_tokens > (this.room_tokens[place] ?? 0)) this.room_tokens[place] = room_tokens;
  }

  /** Looks at all cells of a row, to learn the most room that any has, which it gives. */
  tighten(row: R): number {
    let room_tokens = 0;
    for (let index = 0; index < row.cells.size; index += 1) room_tokens = Math.max(room_tokens, row.cells.at(index)?.room_tokens ?? 0);
    this.room_tokens[this.placeOf(row.code)] = room_tokens;
    return room_tokens;
  }
}
