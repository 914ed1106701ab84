/** One row a refused inference request: what kind of request it was, and why it was refused; never what was asked. */
export const rejections = /* sql */ `
create table rejections (
  id bigint generated always as identity primary key,
  created_at timestamptz not null,
  endpoint text not null,
  stage text not null,
  reason text not null,
  http_status integer not null,
  key_id text,
  account_hash text,
  client_class text not null,
  body_bytes bigint,
  retry_after_ms bigint,
  requested_model text,
  resolved_model text,
  stream boolean,
  choices integer,
  estimated_prompt_tokens bigint,
  max_output_tokens bigint,
  requires_vision boolean,
  has_tools boolean,
  own_machines text,
  temperature double precision,
  top_p double precision,
  presence_penalty double precision,
  frequency_penalty double precision,
  could_have_served boolean,
  candidates integer,
  capacity_rejections integer,
  too_large_rejections integer,
  vision_rejections integer,
  best_ttft_ms double precision
);
create index rejections_created on rejections (created_at);
`;
