import { outputDemand_tokens, promptDemand_tokens } from "../admission/demand.js";
import type { RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import type { Row } from "./shelf.js";

/** A cell that was not looked at yet, and the least it can cost. */
interface Prospect {
  readonly bound_ms: number;
  readonly row: Row;
  /** In the row's heap, below which its children lie. */
  readonly index: number;
}

/**
 * Goes through the cells of some rows by the least that each can cost, without sorting them: behind every cell only its two children in its
 * row's heap come up. A bound is never above a cell's cost, except for what a request gets off for its own prefix.
 */
export class Frontier {
  /** A binary min-heap by bound. */
  readonly #prospects: Prospect[] = [];

  constructor(
    rows: Iterable<Row>,
    private readonly spec: RequestSpec,
  ) {
    for (const row of rows) this.#push(row, 0);
  }

  /** The least that any cell left can cost, in milliseconds; infinite when none is left. */
  get bound_ms(): number {
    return this.#prospects[0]?.bound_ms ?? Number.POSITIVE_INFINITY;
  }

  next(): Cell | undefined {
    const first = this.#prospects[0];
    if (first === undefined) return undefined;
    this.#dropFirst();
    this.#push(first.row, 2 * first.index + 1);
    this.#push(first.row, 2 * first.index + 2);
    return first.row.cells.at(first.index);
  }

  #push(row: Row, at: number): void {
    const cell = row.cells.at(at);
    if (cell === undefined) return;
    const prospect = { bound_ms: cell.cost_ms + lengthCost_ms(row.prefill_tps_max, row.decode_tps_max, this.spec), row, index: at };
    let index = this.#prospects.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#prospects[above];
      if (parent === undefined || parent.bound_ms <= prospect.bound_ms) break;
      this.#prospects[index] = parent;
      index = above;
    }
    this.#prospects[index] = prospect;
  }

  #dropFirst(): void {
    const last = this.#prospects.pop();
    if (last === undefined || this.#prospects.length === 0) return;
    let index = 0;
    for (;;) {
      const left = this.#prospects[2 * index + 1];
      const right = this.#prospects[2 * index + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && right.bound_ms < left.bound_ms;
      const least = isRight ? right : left;
      if (last.bound_ms <= least.bound_ms) break;
      this.#prospects[index] = least;
      index = 2 * index + (isRight ? 2 : 1);
    }
    this.#prospects[index] = last;
  }
}

/** The least that a request can cost in a row's first cell, and so in any of them. */
export function rowBound_ms(row: Row, spec: RequestSpec): number {
  return (row.cells.at(0)?.cost_ms ?? Number.POSITIVE_INFINITY) + lengthCost_ms(row.prefill_tps_max, row.decode_tps_max, spec);
}

/** The least that a request can cost in a cell, as far as the cell itself tells. */
export function cellBound_ms({ cost_ms, prefill_tps, decode_tps }: Cell, spec: RequestSpec): number {
  return cost_ms + lengthCost_ms(prefill_tps, decode_tps, spec);
}

/** What a request's length adds; a cell's own cost has one token of output in it. */
function lengthCost_ms(prefill_tps: number, decode_tps: number, spec: RequestSpec): number {
  return (promptDemand_tokens(spec) * 1000) / prefill_tps + ((outputDemand_tokens(spec) - 1) * 1000) / decode_tps;
}
