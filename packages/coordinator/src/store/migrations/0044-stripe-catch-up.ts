/** Until when Stripe has been asked for events that never came to the webhook. Source: money.md §11. */
export const stripeCatchUp = /* sql */ `
create table stripe_catch_up (
  id integer primary key check (id = 1),
  heard_until timestamptz not null
);
`;
