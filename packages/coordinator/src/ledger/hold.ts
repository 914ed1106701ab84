import type { ledgerRepository } from "../store/index.js";
import { worstCase } from "./price.js";
import type { HoldOutcome, HoldRequest, MicroUsd } from "./types.js";

/** Ledger functions refuse larger amounts: nobody means them (money.md §1). */
export const AMOUNT_MICRO_USD_MAX: MicroUsd = 10n ** 15n;

type HoldRow = Parameters<typeof ledgerRepository.hold>[1];
type HoldResult = Awaited<ReturnType<typeof ledgerRepository.hold>>;

/** The reservation of a request: its worst-case price, and the terms it will be settled under. */
export function holdRow(request: HoldRequest, context: Pick<HoldRow, "defaultFeePercent" | "instanceId" | "at">): HoldRow {
  const { prices, build, ...rest } = request;
  const hold_microUsd = worstCase(request, prices);
  if (hold_microUsd > AMOUNT_MICRO_USD_MAX) throw new RangeError("a hold of this size is refused");
  return {
    ...rest,
    ...context,
    model: build,
    hold_microUsd,
    inputPrice_microUsd: prices.input_microUsd,
    outputPrice_microUsd: prices.output_microUsd,
    priceSource: prices.source,
  };
}

export function holdOutcome(result: HoldResult, hold_microUsd: MicroUsd): HoldOutcome {
  if (result.outcome === "held") return { ok: true, hold_microUsd };
  if (result.outcome === "frozen") return { ok: false, reason: "frozen" };
  if (result.outcome === "insufficient_funds") {
    return { ok: false, reason: "insufficient_funds", needed_microUsd: hold_microUsd, spendable_microUsd: result.spendable ?? 0n };
  }
  const { key_limit, key_used, key_window } = result;
  const [limit_microUsd, used_microUsd, window] = [key_limit ?? 0n, key_used ?? 0n, key_window ?? "none"];
  return { ok: false, reason: "key_limit", needed_microUsd: hold_microUsd, limit_microUsd, used_microUsd, window };
}
