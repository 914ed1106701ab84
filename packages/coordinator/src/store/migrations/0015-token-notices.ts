/** Tells every coordinator when provider tokens end, so that it ends the connections made with them. */
export const tokenNotices = /* sql */ `
create trigger provider_tokens_notice after delete or update of revoked_at, expires_at on provider_tokens
  for each statement execute function notify_change('umbel_provider_tokens');
`;
