import { ask } from "../people/auth-api.js";

export interface Balance {
  readonly balance_micro_usd: number;
  readonly held_micro_usd: number;
  readonly withdrawable_micro_usd: number;
}

export interface Methods {
  readonly methods: readonly { readonly method: string; readonly display_name: string }[];
  readonly referral: { readonly enabled: boolean; readonly share_percent: number };
}

export interface Deposit {
  readonly session_id: string;
  readonly amount_micro_usd: number;
  readonly refunded_micro_usd: number;
  readonly status: "creating" | "pending" | "completed" | "expired" | "needs_review";
  readonly created_at: string;
}

export interface Entry {
  readonly seq: number;
  readonly type: string;
  readonly amount_micro_usd: number;
  readonly balance_after_micro_usd: number;
  readonly reference: string;
  readonly created_at: string;
}

export interface Statement {
  readonly month: string;
  readonly is_final: boolean;
  readonly opening_micro_usd: number;
  readonly closing_micro_usd: number;
}

export interface Withdrawal {
  readonly id: string;
  readonly status: "pending" | "transferred" | "submitted" | "paid" | "failed";
  readonly method: string;
  readonly amount_usd: string;
  readonly fee_usd: string;
  readonly net_usd: string;
  readonly failure_reason: string | null;
  readonly created_at: string;
}

export interface PayoutStanding {
  readonly configured: boolean;
  readonly has_account: boolean;
  readonly status?: "" | "pending" | "restricted" | "ready" | "rejected";
  readonly destination_type?: "bank" | "card" | null;
  readonly destination_last4?: string | null;
  readonly instant_eligible?: boolean;
  readonly min_withdraw_micro_usd?: number;
  readonly instant_fee_bps?: number;
  readonly instant_fee_min_usd?: number;
  readonly currently_due?: readonly string[];
}

export interface PayoutAddress {
  readonly configured: boolean;
  readonly fee_micro_usd: number | null;
  readonly address: string | null;
}

export const balanceOf = (): Promise<Balance> => ask("GET", "/v1/payments/balance");
export const methodsOf = (): Promise<Methods> => ask("GET", "/v1/billing/methods");

/** What moved on an account, in words. */
const ENTRIES: Readonly<Record<string, string>> = {
  deposit: "Deposit",
  stripe_deposit: "Deposit by card",
  charge: "Use of models",
  refund: "Given back",
  payout: "Earned by a machine",
  referral_reward: "Referral",
  invite_credit: "Invite code",
  admin_credit: "Credit of the operator",
  admin_reward: "Reward of the operator",
  provider_floor_draw: "For being there",
  stripe_payout: "Withdrawal",
  chain_payout: "Withdrawal in a stablecoin",
  withdrawal_fee: "Fee of a withdrawal",
  deposit_refund: "Deposit refunded to the card",
  chargeback: "Deposit disputed",
  adjustment: "Adjustment",
  erasure_forfeit: "Given up",
};

export function entryInWords(type: string): string {
  return ENTRIES[type] ?? type.replaceAll("_", " ");
}
