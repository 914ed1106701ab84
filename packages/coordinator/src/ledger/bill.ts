import type { Usage } from "@umbel/protocol";
import type { ReservationTerms } from "../store/index.js";
import { clampUsage, costOf, feeOf } from "./price.js";
import type { MicroUsd, ServedBy } from "./types.js";

export interface Bill {
  readonly usage: Usage;
  readonly clamped: boolean;
  readonly cost_microUsd: MicroUsd;
  readonly fee_microUsd: MicroUsd;
}

/**
 * What a request costs by the terms it was admitted under, whatever prices became since. Never more than was held. Free on the consumer's own
 * machine: paying oneself would turn granted credit into earnings.
 */
export function bill(reported: Usage, terms: ReservationTerms, servedBy: ServedBy): Bill {
  const { usage, clamped } = clampUsage(reported, terms);
  if (servedBy.accountId === terms.accountId) return { usage, clamped, cost_microUsd: 0n, fee_microUsd: 0n };
  const prices = { input_microUsd: terms.inputPrice_microUsd, output_microUsd: terms.outputPrice_microUsd };
  const cost = costOf(usage, prices);
  const cost_microUsd = cost < terms.hold_microUsd ? cost : terms.hold_microUsd;
  return { usage, clamped, cost_microUsd, fee_microUsd: feeOf(cost_microUsd, terms.feePercent) };
}
