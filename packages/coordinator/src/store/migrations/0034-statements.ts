/** Where a period begins in an account's journal. */
export const statements = /* sql */ `
-- The first entry at or after an instant; one behind the last, if there is none. Entries are numbered without gaps, nearly in the order of their
-- times: a search by halves finds the place, and a look at those around it settles what coordinators' clocks leave open. So each entry
-- belongs to one period, whenever it is asked for.
create function ledger_first_seq(p_account text, p_at timestamptz) returns bigint language plpgsql stable as $$
declare
  v_low bigint := 1;
  v_high bigint := 1 + coalesce((select seq from balances where account_id = p_account), 0);
  v_middle bigint;
begin
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    if (select created_at from ledger_entries where account_id = p_account and seq = v_middle) >= p_at
      then v_high := v_middle;
      else v_low := v_middle + 1;
    end if;
  end loop;
  return coalesce(
    (select min(seq) from ledger_entries where account_id = p_account and seq between v_low - 1000 and v_low and created_at >= p_at), v_low);
end $$;
`;
