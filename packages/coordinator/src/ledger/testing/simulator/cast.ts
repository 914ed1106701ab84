import type { Store } from "../../../store/index.js";
import type { TokenPrices } from "../../types.js";

/** What a consumer of a world has: chosen so that it runs dry now and then. */
export const FUNDS_MICRO_USD = 1_100n;
export const KEY_LIMIT_MICRO_USD = 900n;
/** A build that one provider asks more for. */
export const BUILD = "build";
export const DEAR: TokenPrices = { input_microUsd: 150_000n, output_microUsd: 600_000n };
/** Owner of machines that cost more, shared by all worlds. */
export const DEAR_PROVIDER = "dear";

/** Everybody and everything in one world, by names that lead back to its seed. */
export interface Cast {
  readonly seed: number;
  readonly consumer: string;
  readonly key: string;
  readonly provider: string;
  readonly referrer: string;
  /** A machine of nobody, until somebody links it. */
  readonly orphanMachine: string;
  /** Where the provider is paid to: an account at Stripe, and an address on a chain. */
  readonly bank: string;
  readonly address: string;
  /** A code that one person can redeem. */
  readonly invite: string;
  request(index: number): string;
}

export function castOf(seed: number): Cast {
  const named = (role: string): string => `s${seed}-${role}`;
  return {
    seed,
    consumer: named("consumer"),
    key: named("key"),
    provider: named("provider"),
    referrer: named("referrer"),
    orphanMachine: named("machine"),
    bank: `acct_s${seed}`,
    address: `0xs${seed}`,
    invite: `SIM${seed}`,
    request: (index) => named(`request-${index}`),
  };
}

/** The rows that worlds begin with. */
export async function prepare({ client }: Pick<Store, "client">, seeds: readonly number[]): Promise<void> {
  const list = JSON.stringify(seeds);
  const each = client`(select 's' || jsonb_array_elements_text(${list}::text::jsonb) as world)`;
  await client`insert into users (account_id, display_name) select world || role, '' from ${each} worlds, unnest(array['-consumer', '-provider', '-referrer']) role`;
  await client`insert into api_keys (id, key_hash, label, owner_account_id, name, limit_micro_usd, limit_reset, allowed_models)
    select world || '-key', world, '', world || '-consumer', '', ${KEY_LIMIT_MICRO_USD}, 'none', '{}' from ${each} worlds`;
  await client`insert into referrers (account_id, code) select world || '-referrer', upper(world) || 'XX' from ${each} worlds`;
  await client`insert into referrals (referred_account_id, referrer_code, created_at)
    select world || '-consumer', upper(world) || 'XX', '2026-01-01' from ${each} worlds`;
  await client`insert into model_prices (account_id, model, input_price, output_price)
    values (${DEAR_PROVIDER}, ${BUILD}, ${DEAR.input_microUsd}, ${DEAR.output_microUsd}) on conflict do nothing`;
}

/** Seeds whose money one statement posts: many at once would outlast a statement's time. */
const FUNDED_AT_ONCE = 400;

/** Whether a world of requests begins with money, and need not be given it first. */
export function beginsFunded(seed: number): boolean {
  return seed % 4 !== 1;
}

/** Under the key that its story would use, so that a repetition there is one. */
export async function fund({ client }: Pick<Store, "client">, seeds: readonly number[]): Promise<void> {
  const funded = seeds.filter(beginsFunded);
  for (let first = 0; first < funded.length; first += FUNDED_AT_ONCE) {
    const list = JSON.stringify(funded.slice(first, first + FUNDED_AT_ONCE));
    await client`select ledger_post_entries('deposit', 's' || seed || '-fund', 's' || seed || '-fund', array['s' || seed || '-consumer', 'sys:stripe'],
        array['deposit', 'deposit'], array[${FUNDS_MICRO_USD}, -${FUNDS_MICRO_USD}::bigint]::bigint[], array[null, null]::bigint[], '2026-01-01'::timestamptz)
      from jsonb_array_elements_text(${list}::text::jsonb) seed`;
  }
}

const INVITE_MICRO_USD = 600n;

/** What worlds of movements have besides. */
export async function prepareMovements({ client }: Pick<Store, "client">, seeds: readonly number[]): Promise<void> {
  const each = client`(select jsonb_array_elements_text(${JSON.stringify(seeds)}::text::jsonb) as seed)`;
  await client`insert into stripe_accounts (stripe_account_id, account_id, country, status, destination_type, destination_last4, instant_eligible, created_at)
    select 'acct_s' || seed, 's' || seed || '-provider', 'US', 'ready', 'card', '5556', true, '2026-01-01' from ${each} worlds`;
  await client`insert into payout_addresses (account_id, address, verified_at)
    select 's' || seed || '-provider', '0xs' || seed, '2026-01-01' from ${each} worlds`;
  await client`insert into invite_codes (code, amount_micro_usd, max_uses, created_at)
    select 'SIM' || seed, ${INVITE_MICRO_USD}, 1, '2026-01-01' from ${each} worlds`;
  await client`insert into hardware_caps (compute_class, max_gb) values ('simulated', 64)`;
}
