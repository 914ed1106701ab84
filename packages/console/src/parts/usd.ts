import { formatUsd } from "@umbel/protocol/money";

const MICRO_OF_A_CENT = 10_000n;

/** Micro-USD to the last digit that counts, and cents at least: `$12.50`, `$0.0001`, `−$3.00`. Nothing is rounded. */
export function shownUsd(amount_microUsd: number | bigint): string {
  const amount = BigInt(amount_microUsd);
  const [whole = "", decimals = ""] = formatUsd(amount < 0n ? -amount : amount).split(".");
  return `${amount < 0n ? "−" : ""}$${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${decimals.replace(/0{1,4}$/, "")}`;
}

/** Whole cents of it, as an amount is typed: `12.34`. */
export function wholeCents(amount_microUsd: number): string {
  const amount = BigInt(Math.max(0, amount_microUsd));
  return formatUsd(amount - (amount % MICRO_OF_A_CENT)).slice(0, -4);
}

interface InstantFee {
  readonly instant_fee_bps: number;
  readonly instant_fee_min_usd: number;
}

/** What Stripe takes for a payout within half an hour, as the coordinator reckons it. */
export function instantFee(amount_microUsd: bigint, { instant_fee_bps, instant_fee_min_usd }: InstantFee): bigint {
  const share = (amount_microUsd * BigInt(instant_fee_bps)) / 10_000n;
  const least = BigInt(Math.round(instant_fee_min_usd * 1_000_000));
  return share > least ? share : least;
}
