/**
 * Limits on tries of passwords and codes, kept here so that they hold for all coordinators of one database, and over a restart. A bucket is
 * named by a digest: neither addresses nor whom somebody tried to be stand in it.
 */
export const attempts = /* sql */ `
create table attempt_buckets (
  bucket text primary key,
  per_second double precision not null,
  burst double precision not null,
  tokens double precision not null,
  at timestamptz not null,
  -- From when on it says no more than one that is not there.
  full_at timestamptz not null
);
create index attempt_buckets_full on attempt_buckets (full_at);

-- Takes one of each bucket, or of none if one is empty: then the seconds to wait are returned.
create function attempts_take(p_buckets jsonb, p_at timestamptz) returns double precision language plpgsql as $$
declare
  wait_s double precision;
begin
  -- In one order, so that those who share buckets wait for each other and never in a ring.
  insert into attempt_buckets as kept (bucket, per_second, burst, tokens, at, full_at)
    select w.bucket, w.per_second, w.burst, w.burst, p_at, p_at
      from jsonb_to_recordset(p_buckets) as w (bucket text, per_second double precision, burst double precision)
      order by w.bucket
    on conflict (bucket) do update set
      per_second = excluded.per_second,
      burst = excluded.burst,
      tokens = least(excluded.burst,
        kept.tokens + greatest(0, extract(epoch from excluded.at - kept.at)::double precision) * excluded.per_second),
      at = greatest(kept.at, excluded.at);
  select max((1 - b.tokens) / b.per_second) into wait_s
    from attempt_buckets b join jsonb_to_recordset(p_buckets) as w (bucket text) using (bucket) where b.tokens < 1 - 1e-9;
  if wait_s is not null then
    return wait_s;
  end if;
  update attempt_buckets b set tokens = b.tokens - 1, full_at = b.at + interval '1 second' * ((b.burst - b.tokens + 1) / b.per_second)
    from jsonb_to_recordset(p_buckets) as w (bucket text) where w.bucket = b.bucket;
  return null;
end $$;
`;
