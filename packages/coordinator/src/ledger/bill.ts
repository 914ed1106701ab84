import type { Usage } from "@umbel/protocol";
import type { ReservationTerms } from "../store/index.js";
import { clampUsage, costOf, feeOf, serviceCostOf, worstCase } from "./price.js";
import type { MicroUsd, Settlement, TokenPrices } from "./types.js";

export interface Bill {
  readonly usage: Usage;
  readonly clamped: boolean;
  readonly cost_microUsd: MicroUsd;
  readonly fee_microUsd: MicroUsd;
  /** What its tokens cost; undefined where they are free. */
  readonly prices: TokenPrices | undefined;
}

/**
 * What a request costs by the terms it was admitted under, or those of the attempt that answered, whatever prices became since. Never more than
 * was held. Free on the consumer's own machine: paying oneself would turn granted credit into earnings.
 */
export function bill({ usage: reported, servedBy, ownPrices }: Settlement, terms: ReservationTerms): Bill {
  const { usage, clamped } = clampUsage(reported, terms);
  if (servedBy.accountId === terms.accountId) return { usage, clamped, cost_microUsd: 0n, fee_microUsd: 0n, prices: undefined };
  const listPrices = { input_microUsd: terms.inputPrice_microUsd, output_microUsd: terms.outputPrice_microUsd };
  const prices = terms.isService ? listPrices : (ownPrices ?? listPrices);
  const cost = terms.isService ? serviceCostOf(usage, prices) : costOf(usage, prices);
  // A dearer attempt has raised the hold to its own worst case before it began.
  const worst = worstCase(terms, prices);
  const held = worst > terms.hold_microUsd ? worst : terms.hold_microUsd;
  const cost_microUsd = cost < held ? cost : held;
  return { usage, clamped, cost_microUsd, fee_microUsd: feeOf(cost_microUsd, terms.feePercent), prices };
}
