import { and, asc, eq, lte, sql } from "drizzle-orm";
import { run } from "../run-query.js";
import { apiKeys, erasureRequests, providerSessions, providers, providerTokens, reservations, users } from "../schema/index.js";
import type { Tx } from "../tx.js";

export type ErasureRow = typeof erasureRequests.$inferSelect;

/** What stands where somebody's hash stood. */
const ERASED = "erased";
/** What operators write in their own words, by its names in the audit. */
const WRITTEN = "{note,frozenReason}";
/** Of a statement that takes away what is personal. */
const FORGET_TIMEOUT_ms = 60_000;
/** How long after its last news a lost dispute may still turn; card networks leave fewer days for it. */
const DISPUTE_TURNS_ms = 120 * 24 * 3_600_000;

/** Requests of people to be erased. */
export const erasureRepository = {
  async insert(tx: Tx, row: typeof erasureRequests.$inferInsert): Promise<void> {
    await run(tx.insert(erasureRequests).values(row));
  },

  async open(tx: Tx, accountId: string): Promise<ErasureRow | undefined> {
    const own = and(eq(erasureRequests.accountId, accountId), eq(erasureRequests.state, "scheduled"));
    const [row] = await run(tx.select().from(erasureRequests).where(own));
    return row;
  },

  /** Those whose time has come, the oldest first. */
  async due(tx: Tx, at: Date, limit: number): Promise<readonly ErasureRow[]> {
    const waiting = and(eq(erasureRequests.state, "scheduled"), lte(erasureRequests.scheduledFor, at));
    return run(tx.select().from(erasureRequests).where(waiting).orderBy(asc(erasureRequests.scheduledFor)).limit(limit));
  },

  async end(tx: Tx, id: string, end: { readonly state: "cancelled" | "done"; readonly at: Date; readonly report: unknown }): Promise<void> {
    const { state, at, report } = end;
    await run(tx.update(erasureRequests).set({ state, endedAt: at, report }).where(eq(erasureRequests.id, id)));
  },

  /** Puts off a request whose time has come. */
  async postpone(tx: Tx, id: string, until: Date): Promise<void> {
    await run(tx.update(erasureRequests).set({ scheduledFor: until }).where(eq(erasureRequests.id, id)));
  },
};

/** What is taken from an account that goes. Ledger, earnings, deposits and withdrawals stay: the account's id tells nobody whose they were. */
export const departureRepository = {
  /** Switches keys off. @returns those that were on */
  async disableKeys(tx: Tx, accountId: string): Promise<readonly string[]> {
    const on = and(eq(apiKeys.ownerAccountId, accountId), eq(apiKeys.disabled, false), sql`${apiKeys.deletedAt} is null`);
    return (await run(tx.update(apiKeys).set({ disabled: true }).where(on).returning({ id: apiKeys.id }))).map(({ id }) => id);
  },

  async enableKeys(tx: Tx, accountId: string, ids: readonly string[]): Promise<void> {
    const own = and(
      eq(apiKeys.ownerAccountId, accountId),
      sql`${apiKeys.id} = any (array(select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)))`,
    );
    await run(tx.update(apiKeys).set({ disabled: false }).where(own));
  },

  async revokeTokens(tx: Tx, accountId: string, at: Date): Promise<number> {
    const standing = and(eq(providerTokens.accountId, accountId), sql`${providerTokens.revokedAt} is null`);
    return (await run(tx.update(providerTokens).set({ revokedAt: at }).where(standing).returning({ id: providerTokens.id }))).length;
  },

  async unlinkMachines(tx: Tx, accountId: string): Promise<number> {
    const own = eq(providers.accountId, accountId);
    const facts = { accountId: null, hardware: {}, models: [] };
    await run(tx.update(providerSessions).set({ accountId: null }).where(eq(providerSessions.accountId, accountId)));
    return (await run(tx.update(providers).set(facts).where(own).returning({ id: providers.machineId }))).length;
  },

  /** Ends what is held for requests under way. */
  async releaseHolds(tx: Tx, accountId: string, at: Date): Promise<number> {
    const open = and(eq(reservations.accountId, accountId), sql`${reservations.state} in ('held', 'parked')`);
    const rows = await run(tx.select({ id: reservations.requestId }).from(reservations).where(open));
    for (const { id } of rows) await run(tx.execute(sql`select ledger_release(${id}, 'account_erased', ${at.toISOString()}::timestamptz)`));
    return rows.length;
  },

  /** What must end before the account can: withdrawals under way, and disputes of its deposits that are open or may still turn. */
  async obstacles(tx: Tx, accountId: string, at: Date): Promise<readonly ("withdrawals" | "disputes")[]> {
    const turned = new Date(at.getTime() - DISPUTE_TURNS_ms).toISOString();
    const [row] = await run(
      tx.execute<{ withdrawals: boolean; disputes: boolean }>(sql`select
        exists (select 1 from withdrawals where account_id = ${accountId} and status not in ('paid', 'failed')) as withdrawals,
        exists (select 1 from payment_disputes where account_id = ${accountId}
          and (state = 'inquiry' or (state = 'charged' and updated_at > ${turned}::timestamptz))) as disputes`),
    );
    return (["withdrawals", "disputes"] as const).filter((obstacle) => row?.[obstacle] === true);
  },

  /** Takes away what says who somebody was. @returns rows by table */
  async forget(tx: Tx, accountId: string, at: Date): Promise<Readonly<Record<string, number>>> {
    const time = at.toISOString();
    const keys = sql`(select id from api_keys where owner_account_id = ${accountId})`;
    const steps = {
      sign_ins: sql`delete from auth_users where id = ${accountId} returning 1`,
      identities: sql`delete from external_identities where account_id = ${accountId} returning 1`,
      invitations: sql`update invitations set email = ${ERASED} where account_id = ${accountId}
        or email = (select email from users where account_id = ${accountId}) returning 1`,
      payout_addresses: sql`delete from payout_addresses where account_id = ${accountId} returning 1`,
      payout_challenges: sql`delete from payout_address_challenges where account_id = ${accountId} returning 1`,
      device_codes: sql`delete from device_codes where account_id = ${accountId} returning 1`,
      idempotency_keys: sql`delete from idempotency_keys where account_id = ${accountId} returning 1`,
      // The answers name its address.
      admin_requests: sql`delete from admin_requests where answer ->> 'accountId' = ${accountId} returning 1`,
      // Of what operators did the id stays, and what was done: not what they wrote about a person, nor where this one acted from as an operator.
      admin_audit: sql`update admin_audit set ip_hash = case when actor = ${accountId} then null else ip_hash end,
        before = case when target = ${accountId} and jsonb_typeof(before) = 'object' then before - ${WRITTEN}::text[] else before end,
        after = case when target = ${accountId} and jsonb_typeof(after) = 'object' then after - ${WRITTEN}::text[] else after end
        where target = ${accountId} or actor = ${accountId} returning 1`,
      ledger_notes: sql`delete from ledger_notes
        where transaction_id in (select transaction_id from ledger_entries where account_id = ${accountId}) returning 1`,
      log_reports: sql`delete from log_reports where account_id = ${accountId} returning 1`,
      telemetry_events: sql`delete from telemetry_events where account_id = ${accountId} returning 1`,
      invite_misses: sql`delete from invite_misses where account_id = ${accountId} returning 1`,
      decisions: sql`update decisions set account_digest = ${ERASED}, key_id = null
        where request_id in (select request_id from usage where account_id = ${accountId}
          union all select request_id from reservations where account_id = ${accountId}) or key_id in ${keys} returning 1`,
      rejections: sql`update rejections set account_hash = ${ERASED}, key_id = null
        where account_hash = encode(sha256(convert_to(${accountId}, 'UTF8')), 'hex') or key_id in ${keys} returning 1`,
      usage: sql`update usage set key_id = null where account_id = ${accountId} and key_id is not null returning 1`,
      usage_days: sql`with gone as (delete from usage_days where account_id = ${accountId} and key_id <> '' returning *)
        insert into usage_days select day, account_id, '', model, public_model, is_public, sum(requests), sum(prompt_tokens),
            sum(completion_tokens), sum(cost), sum(paid_requests) from gone group by 1, 2, 4, 5, 6
          on conflict (account_id, day, key_id, model, public_model, is_public) do update set requests = usage_days.requests + excluded.requests,
            prompt_tokens = usage_days.prompt_tokens + excluded.prompt_tokens,
            completion_tokens = usage_days.completion_tokens + excluded.completion_tokens, cost = usage_days.cost + excluded.cost,
            paid_requests = usage_days.paid_requests + excluded.paid_requests returning 1`,
      reservations: sql`update reservations set key_id = null, window_start = null where account_id = ${accountId} and key_id is not null returning 1`,
      api_key_spend: sql`delete from api_key_spend where key_id in ${keys} returning 1`,
      api_keys: sql`update api_keys set name = '', label = '', allowed_models = '{}', disabled = true, key_hash = null,
        deleted_at = coalesce(deleted_at, ${time}::timestamptz) where owner_account_id = ${accountId} returning 1`,
      provider_tokens: sql`update provider_tokens set label = '' where account_id = ${accountId} returning 1`,
      users: sql`update users set email = null, email_pending = false, display_name = ${ERASED}, listed = false, role = '',
        frozen_reason = ${ERASED}, erased_at = ${time}::timestamptz where account_id = ${accountId} returning 1`,
    };
    // Some of these tables are large, and nobody waits for this.
    await run(tx.execute(sql`set local statement_timeout = ${sql.raw(String(FORGET_TIMEOUT_ms))}`));
    const report: Record<string, number> = {};
    for (const [name, statement] of Object.entries(steps)) {
      report[name] = (await run(tx.execute(statement))).length;
    }
    return report;
  },

  async freeze(tx: Tx, accountId: string, reason: string | null): Promise<void> {
    await run(tx.update(users).set({ frozenReason: reason }).where(eq(users.accountId, accountId)));
  },
};
