import type { Store } from "../../../../store/index.js";
import type { Cast } from "../cast.js";
import type { Told } from "../story.js";
import type { Outside } from "./outside.js";

const CENT_microUsd = 10_000n;

interface Withdrawn {
  readonly id: string;
  readonly rail: "stripe" | "chain";
  readonly status: string;
  readonly refunded: boolean;
  readonly amount: bigint;
  readonly net: bigint;
  /** What the books have moved for it. */
  readonly booked: bigint;
}

interface Deposited {
  readonly id: string;
  readonly external_id: string | null;
  readonly status: string;
  readonly refunded: bigint;
  readonly credited: bigint;
  readonly returned: bigint;
}

/** Whether nothing is under way any more: neither here, nor as far as it is known outside. */
export async function isOver({ client }: Pick<Store, "client">, cast: Cast, outside: Outside): Promise<boolean> {
  if (!outside.isQuiet) return false;
  const [row] = await client<{ open: bigint }[]>`select
    (select count(*) from outbox where state in ('queued', 'running')
      and not exists (select 1 from withdrawals w where w.id = aggregate_id and w.status in ('paid', 'failed')))
    + (select count(*) from stripe_events where processed_at is null)
    + (select count(*) from billing_sessions where account_id = ${cast.consumer} and status in ('creating', 'pending') and external_id is null)
    + (select count(*) from erasure_requests r where account_id in (${cast.consumer}, ${cast.provider}) and state = 'scheduled'
      and not exists (select 1 from payment_disputes d where d.account_id = r.account_id)) as open`;
  if (row?.open !== 0n) return false;
  const rows = await client<
    { id: string }[]
  >`select id from withdrawals where account_id = ${cast.provider} and status = 'paid' and rail = 'stripe'`;
  return rows.every(({ id }) => outside.desk.world.truthOf(id).onItsWayToTheBank_cents > 0);
}

/** What the books say of money that came and went, and is not so outside; or was told to somebody, and is not in the books. */
export async function untruths(
  store: Pick<Store, "client">,
  cast: Cast,
  outside: Outside,
  told: readonly Told[],
): Promise<readonly string[]> {
  return [
    ...(await falseWithdrawals(store, cast, outside, told)),
    ...(await falseDeposits(store, cast, outside)),
    ...(await falseGifts(store, cast, told)),
  ];
}

async function falseWithdrawals({ client }: Pick<Store, "client">, cast: Cast, { desk, chain }: Outside, told: readonly Told[]) {
  const rows = await client<
    Withdrawn[]
  >`select w.id, w.rail, w.status, w.refunded, w.amount, w.net, coalesce(sum(e.amount), 0)::bigint as booked
    from withdrawals w left join ledger_transactions t on t.reference = w.rail || '_withdraw:' || w.id
      left join ledger_entries e on e.transaction_id = t.id and e.account_id = w.account_id
    where w.account_id = ${cast.provider} group by w.id`;
  const wrong: string[] = [];
  for (const { id, rail, status, refunded, amount, booked, net } of rows) {
    if (status !== "paid" && status !== "failed") wrong.push(`P6 withdrawal ${id} is ${status} for ever`);
    if (booked !== (refunded ? 0n : -amount)) wrong.push(`P13 withdrawal ${id} of ${amount} is ${status}, and the books moved ${booked}`);
    if (rail !== "stripe") continue;
    const { transfers, payouts, onItsWayToTheBank_cents } = desk.world.truthOf(id);
    const live = payouts.filter((payout) => payout.status === "pending" || payout.status === "paid");
    if (transfers.length > 1 || live.length > 1) wrong.push(`P13 ${transfers.length} transfers and ${live.length} payouts of ${id}`);
    const paid = BigInt(onItsWayToTheBank_cents) * CENT_microUsd;
    if (paid !== (refunded ? 0n : net)) wrong.push(`P13 withdrawal ${id} of ${net} is ${status}, and ${paid} went to the bank`);
    if (refunded && transfers.some(({ reversed }) => !reversed)) wrong.push(`P13 ${id} was given back, and its transfer was not`);
  }
  const known = new Set(rows.map(({ id }) => id));
  const sent = [...desk.world.transfers.values()].map(({ metadata }) => metadata["withdrawal_id"] ?? "");
  wrong.push(...sent.filter((id) => !known.has(id)).map((id) => `P13 ${id} was transferred, and is not in the books`));
  const paidByChain = rows.filter(({ rail, status }) => rail === "chain" && status === "paid").reduce((sum, { net }) => sum + net, 0n);
  const arrived = chain.arrived(cast.address);
  if (arrived !== paidByChain) wrong.push(`P13 the chain has brought ${arrived} to ${cast.provider}, and ${paidByChain} are paid`);
  const promised = told.flatMap((word) => (word.about === "withdrawal" ? [word.id] : []));
  wrong.push(...promised.filter((id) => !known.has(id)).map((id) => `P20 withdrawal ${id} was taken, and is not in the books`));
  const [gone] = await client<{ earned: bigint; left: bigint }[]>`select
    coalesce(sum(amount) filter (where entry_type in ('payout', 'referral_reward', 'admin_reward', 'provider_floor_draw')), 0)::bigint as earned,
    coalesce(sum(withdrawable_delta) filter (where entry_type <> 'erasure_forfeit'), 0)::bigint as left
    from ledger_entries where account_id = ${cast.provider}`;
  const out = rows.filter(({ refunded }) => !refunded).reduce((sum, { amount }) => sum + amount, 0n);
  if (gone !== undefined && out + gone.left > gone.earned)
    wrong.push(`P14 ${cast.provider} has earned ${gone.earned}, withdrawn ${out} and can withdraw ${gone.left}`);
  return wrong;
}

async function falseDeposits({ client }: Pick<Store, "client">, cast: Cast, { desk }: Outside) {
  const rows = await client<Deposited[]>`select s.id, s.external_id, s.status, s.refunded,
      coalesce(sum(e.amount) filter (where e.entry_type = 'stripe_deposit' and e.account_id = s.account_id), 0)::bigint as credited,
      coalesce(sum(e.amount) filter (where e.entry_type = 'deposit_refund' and e.account_id = 'sys:stripe'), 0)::bigint as returned
    from billing_sessions s left join ledger_transactions t on t.reference = 'stripe:' || s.external_id left join ledger_entries e on e.transaction_id = t.id
    where s.account_id = ${cast.consumer} group by s.id`;
  const wrong: string[] = [];
  const known = new Map(rows.map((row) => [row.id, row]));
  for (const checkout of desk.world.checkouts.values()) {
    const row = known.get(checkout.metadata["billing_session_id"] ?? "");
    const paid = checkout.paymentStatus === "paid" ? BigInt(checkout.amount) * CENT_microUsd : 0n;
    const refunded = BigInt(checkout.payment?.refunded ?? 0) * CENT_microUsd;
    const what = `of the page ${checkout.id} of ${cast.consumer}`;
    if ((row?.credited ?? 0n) !== paid) wrong.push(`P11 ${paid} ${what} were paid, and ${row?.credited} credited`);
    if ((row?.returned ?? 0n) !== refunded) wrong.push(`P11 ${refunded} ${what} were refunded, and ${row?.returned} taken back`);
  }
  const disputes = await client<{ reference: string; amount: bigint }[]>`select t.reference, sum(e.amount)::bigint as amount
    from ledger_entries e join ledger_transactions t on t.id = e.transaction_id
    where e.account_id = 'sys:stripe' and e.entry_type = 'chargeback' group by t.reference`;
  const taken = new Map(disputes.map(({ reference, amount }) => [reference, amount]));
  for (const { id, amount, status } of desk.world.disputes.values()) {
    const due = status === "won" || status.startsWith("warning_") ? 0n : BigInt(amount) * CENT_microUsd;
    const booked = taken.get(`dispute:${id}`) ?? 0n;
    if (booked !== due) wrong.push(`P11 the dispute ${id} of ${cast.consumer} is ${status}, and ${booked} were taken back for it`);
  }
  return wrong;
}

async function falseGifts({ client }: Pick<Store, "client">, cast: Cast, told: readonly Told[]) {
  const own = `s${cast.seed}-%`;
  const wrong: string[] = [];
  const rows = await client<{ key: string }[]>`select distinct t.idempotency_key as key
    from ledger_transactions t join ledger_entries e on e.transaction_id = t.id where e.account_id like ${own}`;
  const keys = new Set(rows.map(({ key }) => key));
  for (const word of told)
    if (word.about === "posted" && !keys.has(word.key)) wrong.push(`P20 ${word.key} was told of, and is not in the books`);
  const [invite] = await client<{ redeemed: bigint; used: bigint; credited: bigint }[]>`select
    (select count(*) from invite_redemptions where code = ${cast.invite}) as redeemed,
    (select used_count::bigint from invite_codes where code = ${cast.invite}) as used,
    (select count(*) from ledger_entries e join ledger_transactions t on t.id = e.transaction_id
      where t.reference = ${`invite:${cast.invite}`} and e.account_id like ${own}) as credited`;
  if (invite !== undefined && (invite.redeemed !== invite.credited || invite.redeemed !== invite.used || invite.redeemed > 1n))
    wrong.push(`P12 the code ${cast.invite} is for one, was redeemed ${invite.redeemed} times and credited ${invite.credited} times`);
  const draws = await client<{ what: string }[]>`
    select 'P16 epoch ' || epoch_id || ' of s' || ${cast.seed}::text || '- has drawn ' || sum(d.amount) || ' of ' || e.budget as what
      from provider_floor_draws d join reward_epochs e using (epoch_id) where d.account_id = ${cast.provider}
      group by epoch_id, e.budget, e.drawn having sum(d.amount) > e.budget or sum(d.amount) <> e.drawn
    union all select 'P16 draw of ' || d.machine_id || ' in ' || d.epoch_id || ' is ' || d.amount || ', and the books say ' || coalesce(sum(l.amount)::text, 'nothing')
      from provider_floor_draws d left join ledger_transactions t on t.idempotency_key = 'floor:' || d.epoch_id || ':' || d.machine_id
        left join ledger_entries l on l.transaction_id = t.id and l.account_id = d.account_id
      where d.account_id = ${cast.provider} group by d.machine_id, d.epoch_id, d.amount having d.amount <> coalesce(sum(l.amount), 0)`;
  const erased = await client<{ what: string }[]>`select 'erased ' || b.account_id || ' holds ' || b.held as what
    from erasure_requests r join balances b using (account_id) where r.account_id like ${own} and r.state = 'done' and b.held <> 0`;
  return [...wrong, ...draws.map(({ what }) => what), ...erased.map(({ what }) => what)];
}

/** What must not meet the next world that plays in this database. */
export async function clean({ client }: Pick<Store, "client">): Promise<void> {
  await client.unsafe(`delete from outbox; delete from stripe_events; delete from stripe_catch_up; delete from machine_minutes;
    update billing_sessions set status = 'expired' where status in ('creating', 'pending'); delete from erasure_requests where state = 'scheduled'; delete from provider_floor_draws; delete from reward_epochs`);
}
