/** For who earned most: what accounts got beside their machines' work. */
export const rewardIndex = /* sql */ `
create index ledger_entries_rewards on ledger_entries (created_at) where entry_type in ('referral_reward', 'admin_reward');
`;
