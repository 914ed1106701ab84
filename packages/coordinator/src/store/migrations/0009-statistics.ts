/** Public figures are sums over time, and an owner asks for what went to one machine. */
export const statistics = /* sql */ `
create index usage_time on usage (created_at);
create index provider_earnings_time on provider_earnings (created_at);
create index decisions_provider on decisions (provider, at desc);
`;
