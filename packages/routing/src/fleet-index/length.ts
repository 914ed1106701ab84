import { outputDemand_tokens, promptDemand_tokens, requestDemand_tokens } from "../admission/demand.js";
import type { CostProfile } from "../cost/profile.js";
import type { RequestSpec } from "../types.js";
import { type Cell, SMALL_MAX } from "./cell.js";
import type { Lane } from "./lane.js";
import { fastestDecode_tps, fastestPrefill_tps } from "./rates.js";

/** A bound is reckoned in another order than the cost, so it is taken down by more than rounding can put it up: it must never be above. */
export const ROUNDING = 1 - 2 ** -40;

/** What a search needs of a request's length, read once. */
export class Length {
  /** Room that it takes in all. */
  readonly demand_tokens: number;
  readonly #prompt_ms_tps: number;
  /** A cell's own cost has one token of output in it. */
  readonly #output_ms_tps: number;

  constructor(spec: RequestSpec, { decodeWeight }: CostProfile) {
    this.demand_tokens = requestDemand_tokens(spec);
    this.#prompt_ms_tps = promptDemand_tokens(spec) * 1000;
    this.#output_ms_tps = (outputDemand_tokens(spec) - 1) * 1000 * decodeWeight;
  }

  /** Whether the request finds room where there is as much. */
  fits(room_tokens: number): boolean {
    return room_tokens >= this.demand_tokens || room_tokens === SMALL_MAX;
  }

  /** The least that it can cost in a lane of this code, in a cell whose own least cost is given. */
  boundOf_ms(code: number, cost_ms: number): number {
    return this.#bound_ms(cost_ms, fastestPrefill_tps(code), fastestDecode_tps(code));
  }

  /** The least that it can cost in a lane, in a cell whose own least cost is given. */
  boundIn_ms({ prefill_tps_max, decode_tps_max }: Lane, cost_ms: number): number {
    return this.#bound_ms(cost_ms, prefill_tps_max, decode_tps_max);
  }

  /** The least that it can cost in a cell, as far as the cell itself tells. */
  cellBound_ms({ cost_ms, prefill_milli_tps, decode_milli_tps }: Cell): number {
    return this.#bound_ms(cost_ms, rate_tps(prefill_milli_tps), rate_tps(decode_milli_tps));
  }

  #bound_ms(cost_ms: number, prefill_tps: number, decode_tps: number): number {
    return (cost_ms + this.#prompt_ms_tps / prefill_tps + this.#output_ms_tps / decode_tps) * ROUNDING;
  }
}

function rate_tps(milli_tps: number): number {
  return milli_tps === SMALL_MAX ? Number.POSITIVE_INFINITY : milli_tps / 1000;
}
