import { outputDemand_tokens, promptDemand_tokens, requestDemand_tokens } from "../admission/demand.js";
import type { CostProfile } from "../cost/profile.js";
import type { RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import {
  fastestCloseDecode_tps,
  fastestClosePrefill_tps,
  fastestDecode_tps,
  fastestPrefill_tps,
  slowestCloseDecode_tps,
  slowestClosePrefill_tps,
  slowestDecode_tps,
  slowestPrefill_tps,
} from "./rates.js";
import { SMALL_MAX } from "./small.js";

/** A bound is reckoned in another order than the cost, so it is taken down by more than rounding can put it up: it must never be above. */
const SHAVE = 2 ** -40;
/** Whoever may be cheaper by less than this share counts as equal: a thousand times what bounds are taken down by. */
export const HARDLY = 1 - 2 ** -30;

/**
 * Cells are sorted by what a request of this length costs there at least. Any length gives a true order; the nearer it is to those that are
 * asked for, the fewer cells a search meets that turn out dearer than they promised.
 */
const TYPICAL_PROMPT_tokens = 128;
const TYPICAL_OUTPUT_tokens = 128;

/**
 * What a request of typical length costs at least.
 *
 * @param cost_ms of a request of no prompt and one token
 */
export function typicalCost_ms(
  cost_ms: number,
  prefill_milli_tps: number,
  decode_milli_tps: number,
  { decodeWeight }: CostProfile,
): number {
  const prompt_ms = (TYPICAL_PROMPT_tokens * 1000) / rate_tps(prefill_milli_tps);
  return cost_ms + prompt_ms + ((TYPICAL_OUTPUT_tokens - 1) * 1000 * decodeWeight) / rate_tps(decode_milli_tps);
}

/** What of it is for writing. */
export function typicalDecode_ms(decode_milli_tps: number, { decodeWeight }: CostProfile): number {
  return (TYPICAL_OUTPUT_tokens * 1000 * decodeWeight) / rate_tps(decode_milli_tps);
}

/** What a search needs of a request's length, read once. */
export class Length {
  /** Room that it takes in all. */
  readonly demand_tokens: number;
  /** By how much it is longer than what is typical; below zero where it is shorter. */
  readonly #prompt_ms_tps: number;
  readonly #output_ms_tps: number;

  constructor(spec: RequestSpec, { decodeWeight }: CostProfile) {
    this.demand_tokens = requestDemand_tokens(spec);
    this.#prompt_ms_tps = (promptDemand_tokens(spec) - TYPICAL_PROMPT_tokens) * 1000;
    this.#output_ms_tps = (outputDemand_tokens(spec) - TYPICAL_OUTPUT_tokens) * 1000 * decodeWeight;
  }

  /** Whether the request finds room where there is as much. */
  fits(room_tokens: number): boolean {
    return room_tokens >= this.demand_tokens || room_tokens === SMALL_MAX;
  }

  /** By how much it costs at least more, in a lane of this code, than what is typical. */
  beyond_ms(code: number): number {
    const prefill_tps = this.#prompt_ms_tps < 0 ? slowestPrefill_tps(code) : fastestPrefill_tps(code);
    const decode_tps = this.#output_ms_tps < 0 ? slowestDecode_tps(code) : fastestDecode_tps(code);
    return this.#beyond_ms(prefill_tps, decode_tps);
  }

  /** The same of one cell, by the code of its close rates. */
  closelyBeyond_ms(code: number): number {
    const prefill_tps = this.#prompt_ms_tps < 0 ? slowestClosePrefill_tps(code) : fastestClosePrefill_tps(code);
    const decode_tps = this.#output_ms_tps < 0 ? slowestCloseDecode_tps(code) : fastestCloseDecode_tps(code);
    return this.#beyond_ms(prefill_tps, decode_tps);
  }

  /** The least that it can cost in a cell, as far as the cell itself tells. */
  cellBound_ms({ typical_ms, prefill_milli_tps, decode_milli_tps }: Cell): number {
    return boundOf_ms(typical_ms, this.#beyond_ms(rate_tps(prefill_milli_tps), rate_tps(decode_milli_tps)));
  }

  #beyond_ms(prefill_tps: number, decode_tps: number): number {
    return this.#prompt_ms_tps / prefill_tps + this.#output_ms_tps / decode_tps;
  }
}

/** @param beyond_ms what `beyond_ms` of a length says */
export function boundOf_ms(typical_ms: number, beyond_ms: number): number {
  return typical_ms + beyond_ms - (typical_ms + Math.abs(beyond_ms)) * SHAVE;
}

function rate_tps(milli_tps: number): number {
  return milli_tps === SMALL_MAX ? Number.POSITIVE_INFINITY : milli_tps / 1000;
}
