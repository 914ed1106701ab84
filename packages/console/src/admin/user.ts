export interface User {
  readonly account_id: string;
  readonly display_name: string;
  readonly email: string | null;
  readonly role: "" | "service";
  readonly platform_fee_percent: number | null;
  readonly frozen_reason: string | null;
  readonly balance_micro_usd: number;
  readonly held_micro_usd: number;
  readonly withdrawable_micro_usd: number;
  readonly keys: number;
  readonly machines: number;
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly erased_at: string | null;
  readonly merged_into: string | null;
}

export function stateOf({ erased_at, frozen_reason, merged_into, role }: User): string {
  if (merged_into !== null) return `merged into ${merged_into}`;
  if (erased_at !== null) return "erased";
  if (frozen_reason !== null) return `frozen: ${frozen_reason}`;
  return role === "service" ? "service account" : "";
}
