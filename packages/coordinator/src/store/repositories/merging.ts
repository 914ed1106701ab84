import { and, eq, gt, inArray, isNotNull, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { run } from "../run-query.js";
import { balances, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

/** What stands where the name of an account stood that went over to another. */
const MERGED = "merged";
/** Some of the tables are large, and nobody waits for this. */
const MOVE_TIMEOUT_ms = 60_000;

/** An account that goes over, and the one that has everything then. */
export interface MergedPair {
  readonly from: string;
  readonly into: string;
}

/** What goes over with an account. Its journal stays where it is: it can only be added to. */
export const mergingRepository = {
  /** Keeps both accounts' money as it is until the transaction ends. */
  async lockMoney(tx: Tx, { from, into }: MergedPair): Promise<void> {
    await run(tx.execute(sql`select ledger_lock_balances(array[${from}, ${into}])`));
  },

  /** Rows of which the other account may have one alone stay behind where it has its own. @returns rows by table */
  async move(
    tx: Tx,
    { from, into }: MergedPair,
    by: { readonly actor: string; readonly at: Date },
  ): Promise<Readonly<Record<string, number>>> {
    const at = sql`${by.at.toISOString()}::timestamptz`;
    const codeOf = (account: string) => sql`(select code from referrers where account_id = ${account})`;
    const goes = (table: string) => sql`update ${sql.identifier(table)} set account_id = ${into} where account_id = ${from}`;
    const unlessOwn = (table: string, same = sql`true`) =>
      sql`${goes(table)} and not exists (select from ${sql.identifier(table)} own where own.account_id = ${into} and ${same})`;
    const steps = {
      console_keys: sql`update api_keys set deleted_at = ${at}, key_hash = null
        where owner_account_id = ${from} and console and deleted_at is null`,
      api_keys: sql`update api_keys set owner_account_id = ${into} where owner_account_id = ${from}`,
      provider_tokens: goes("provider_tokens"),
      machines: goes("providers"),
      machine_sessions: goes("provider_sessions"),
      device_codes: sql`delete from device_codes where account_id = ${from}`,
      identities: goes("external_identities"),
      logins: sql`update auth_logins set user_id = ${into} where user_id = ${from} and provider_id <> 'credential'
        and exists (select from auth_users where id = ${into})`,
      passkeys: sql`update auth_passkeys set user_id = ${into} where user_id = ${from} and exists (select from auth_users where id = ${into})`,
      usage: goes("usage"),
      usage_days: sql`with gone as (delete from usage_days where account_id = ${from} returning *)
        insert into usage_days select day, ${into}, key_id, model, public_model, is_public, requests, prompt_tokens, completion_tokens, cost, paid_requests
          from gone on conflict (account_id, day, key_id, model, public_model, is_public) do update set requests = usage_days.requests + excluded.requests,
            prompt_tokens = usage_days.prompt_tokens + excluded.prompt_tokens,
            completion_tokens = usage_days.completion_tokens + excluded.completion_tokens, cost = usage_days.cost + excluded.cost,
            paid_requests = usage_days.paid_requests + excluded.paid_requests`,
      reservations: sql`${goes("reservations")} and state in ('settled', 'released')`,
      earnings: goes("provider_earnings"),
      floor_draws: goes("provider_floor_draws"),
      // A payment page that is open names its account to Stripe; it goes over when it has ended.
      deposits: sql`${goes("billing_sessions")} and status not in ('creating', 'pending')`,
      disputes: goes("payment_disputes"),
      withdrawals: sql`update withdrawals set account_id = ${into}, client_key = null where account_id = ${from}`,
      stripe_accounts: sql`update stripe_accounts set account_id = ${into},
        active = active and not exists (select from stripe_accounts own where own.account_id = ${into} and own.active) where account_id = ${from}`,
      payout_addresses: unlessOwn("payout_addresses"),
      payout_challenges: sql`delete from payout_address_challenges where account_id = ${from}`,
      price_history: sql`insert into model_price_history (account_id, model, input_price, output_price, actor, created_at)
        select ${into}, model, input_price, output_price, ${by.actor}, ${at} from model_prices where account_id = ${from}
          and not exists (select from model_prices own where own.account_id = ${into} and own.model = model_prices.model)`,
      prices: unlessOwn("model_prices", sql`own.model = model_prices.model`),
      log_reports: goes("log_reports"),
      telemetry_events: goes("telemetry_events"),
      invite_redemptions: unlessOwn("invite_redemptions", sql`own.code = invite_redemptions.code`),
      // Nobody has brought itself.
      own_referrals: sql`delete from referrals where (referred_account_id = ${into} and referrer_code = ${codeOf(from)})
        or (referred_account_id = ${from} and referrer_code = ${codeOf(into)})`,
      referrers: unlessOwn("referrers"),
      brought: sql`update referrals set referrer_code = ${codeOf(into)} where referrer_code = ${codeOf(from)}`,
      brought_by: sql`update referrals set referred_account_id = ${into} where referred_account_id = ${from}
        and not exists (select from referrals own where own.referred_account_id = ${into})`,
    };
    await run(tx.execute(sql`set local statement_timeout = ${sql.raw(String(MOVE_TIMEOUT_ms))}`));
    const moved: Record<string, number> = {};
    for (const [name, statement] of Object.entries(steps)) {
      const { length } = await run(tx.execute(sql`${statement} returning 1`));
      if (length > 0) moved[name] = length;
    }
    return moved;
  },

  /** Leaves of an account only that it went over to another. Whoever signed in to it signs in no more. */
  async end(tx: Tx, { from, into }: MergedPair, at: Date): Promise<void> {
    const facts = {
      email: null,
      emailPending: false,
      displayName: MERGED,
      listed: false,
      role: "",
      operator: false,
      frozenReason: MERGED,
    } as const;
    await run(
      tx
        .update(users)
        .set({ ...facts, mergedInto: into, erasedAt: at })
        .where(eq(users.accountId, from)),
    );
  },

  /** Accounts that went over and for which something came in since, that is not held. */
  async leftBehind(tx: Tx, limit: number): Promise<readonly MergedPair[]> {
    const target = alias(users, "target");
    const isThere = sql`(${target.erasedAt} is null or ${target.mergedInto} is not null)`;
    const rows = await run(
      tx
        .select({ from: users.accountId, into: users.mergedInto })
        .from(users)
        .innerJoin(balances, eq(balances.accountId, users.accountId))
        .innerJoin(target, eq(target.accountId, users.mergedInto))
        .where(and(isNotNull(users.mergedInto), gt(balances.balance_microUsd, 0n), eq(balances.held_microUsd, 0n), isThere))
        .limit(limit),
    );
    return rows.flatMap(({ from, into }) => (into === null ? [] : [{ from, into }]));
  },

  /** Both rows, kept until the transaction ends, in one order for everybody. */
  async lock(tx: Tx, { from, into }: MergedPair): Promise<void> {
    const both = inArray(users.accountId, [from, into]);
    await run(tx.select({ id: users.accountId }).from(users).where(both).orderBy(users.accountId).for("no key update"));
  },
};
