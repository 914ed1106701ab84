/** What entries of the ledger are called on a statement. */
const NAMES: Readonly<Record<string, string>> = {
  deposit: "Deposits",
  stripe_deposit: "Card deposits",
  charge: "Requests",
  refund: "Refunds",
  payout: "Earned by your machines",
  referral_reward: "Earned by referrals",
  invite_credit: "Invite codes",
  admin_credit: "Credits",
  admin_reward: "Rewards",
  provider_floor_draw: "Availability rewards",
  stripe_payout: "Withdrawals to a bank or card",
  chain_payout: "Withdrawals in stablecoin",
  withdrawal_fee: "Fees of withdrawals",
  chargeback: "Chargebacks",
  deposit_refund: "Refunded deposits",
  adjustment: "Adjustments",
  migration: "Moved between accounts",
  erasure_forfeit: "Forfeited at erasure",
};

/** The type itself where it has no other name. */
export function entryName(type: string): string {
  return NAMES[type] ?? type;
}
