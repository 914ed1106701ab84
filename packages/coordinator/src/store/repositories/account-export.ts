import type { Client } from "../client.js";

/** Rows in memory at once. */
const PAGE_ROWS = 500;

/** What an account consists of, file by file: everything that is kept of it but secrets and their hashes. `$1` is the account. */
const FILES: Readonly<Record<string, string>> = {
  profile: `select account_id, display_name, email, role, platform_fee_percent, listed, frozen_reason, created_at from users where account_id = $1`,
  sign_in: `select name, email, email_verified, two_factor_enabled, created_at from auth_users where id = $1`,
  sessions: `select network, user_agent, created_at, updated_at, expires_at from auth_sessions where user_id = $1 order by created_at`,
  balance: `select balance, withdrawable, held, updated_at from balances where account_id = $1`,
  keys: `select id, name, label, disabled, limit_micro_usd, limit_reset, rpm_limit, itpm_limit, otpm_limit, allowed_models, self_route_only,
      expires_at, created_at, last_used_at, deleted_at from api_keys where owner_account_id = $1 order by created_at, id`,
  usage: `select request_id, key_id, model, public_model, prompt_tokens, completion_tokens, reasoning_tokens, cached_prompt_tokens, cost, created_at
      from usage where account_id = $1 order by created_at, request_id`,
  usage_by_day: `select day, key_id, model, public_model, requests, prompt_tokens, completion_tokens, cost
      from usage_days where account_id = $1 order by day, key_id, model, public_model`,
  ledger: `select e.seq, t.kind, e.entry_type, e.amount, e.withdrawable_delta, e.balance_after, e.withdrawable_after, t.reference, n.note, e.created_at
      from ledger_entries e join ledger_transactions t on t.id = e.transaction_id left join ledger_notes n using (transaction_id) where e.account_id = $1 order by e.seq`,
  earnings: `select job_id, machine_id, model, amount, prompt_tokens, completion_tokens, created_at
      from provider_earnings where account_id = $1 order by created_at, job_id`,
  deposits: `select id, payment_method, amount, status, referral_code, created_at, completed_at
      from billing_sessions where account_id = $1 order by created_at, id`,
  withdrawals: `select id, rail, destination, method, amount, fee, net, status, failure_reason, arrival_at, created_at, updated_at
      from withdrawals where account_id = $1 order by created_at, id`,
  payout_address: `select address, verified_at from payout_addresses where account_id = $1`,
  machines: `select machine_id, hardware, models, backend, version, trust_level, registered_at, last_seen_at, untrusted_reason, untrusted_at, counters
      from providers where account_id = $1 order by registered_at, machine_id`,
  machine_sessions: `select session_id, machine_id, version, opened_at, last_seen_at, closed_at, reason
      from provider_sessions where account_id = $1 order by opened_at, session_id`,
  machine_tokens: `select id, label, expires_at, created_at, last_used_at, revoked_at from provider_tokens where account_id = $1 order by created_at, id`,
  log_reports: `select id, machine, provider, bytes, created_at,
      (select string_agg(content, chr(10) order by part) from log_report_parts p where p.report_id = r.id) as gzip_base64
      from log_reports r where account_id = $1 order by created_at, id`,
  telemetry: `select event_id, received_at, happened_at, source, message, kind, severity, version, session_id, machine, fields, stack
      from telemetry_events where account_id = $1 order by id`,
  referral: `select 'own_code' as what, code, created_at from referrers where account_id = $1
      union all select 'brought_by', referrer_code, created_at from referrals where referred_account_id = $1`,
  invites: `select code, created_at from invite_redemptions where account_id = $1 order by created_at`,
  erasure: `select id, state, requested_at, scheduled_for, ended_at from erasure_requests where account_id = $1 order by requested_at`,
};

/** Takes rows one after the other; each row is JSON. Waiting for it is what holds the reading up. */
export interface RowSink {
  file(name: string): Promise<void>;
  rows(rows: readonly string[]): Promise<void>;
}

/** Hands over everything of an account, as it stood at one moment. */
export async function exportAccountRows(client: Client, accountId: string, sink: RowSink): Promise<void> {
  await client.begin("isolation level repeatable read read only", async (sql) => {
    for (const [name, text] of Object.entries(FILES)) {
      await sink.file(name);
      const cursor = sql.unsafe<{ row: string }[]>(`select row_to_json(t)::text as row from (${text}) t`, [accountId]).cursor(PAGE_ROWS);
      for await (const page of cursor) await sink.rows(page.map(({ row }) => row));
    }
  });
}
