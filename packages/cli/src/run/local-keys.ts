import type { Accounts, KeyRecord } from "@umbel/coordinator";
import { withMoneyAndAccounts } from "../offline-store.js";
import type { KeyDesk, ShownKey } from "./key-desk.js";

/** Keys in the database of a coordinator's home, which runs or not. */
export function localKeys(home: string, account: string): KeyDesk {
  const work = <Answer>(act: (accounts: Accounts) => Promise<Answer>) => withMoneyAndAccounts(home, ({ accounts }) => act(accounts));
  return {
    whose: `the account "${account}"`,
    list: async () => (await work((accounts) => accounts.listKeys(account))).map(shown),
    async get(id) {
      const record = await work((accounts) => accounts.getKey(account, id));
      return record && shown(record);
    },
    create: (policy) =>
      work(async (accounts) => {
        await accounts.ensureAccount(account, account);
        const { secret, record } = await accounts.createKey({ ...policy, accountId: account });
        return { key: secret, data: shown(record) };
      }),
    async update(id, change) {
      const record = await work((accounts) => accounts.updateKey(account, id, change));
      return record && shown(record);
    },
    async rotate(id) {
      const issued = await work((accounts) => accounts.rotateKey(account, id));
      return issued && { key: issued.secret, data: shown(issued.record) };
    },
    revoke: (id) => work((accounts) => accounts.revokeKey(account, id)),
  };
}

function shown(key: KeyRecord): ShownKey {
  return {
    id: key.id,
    name: key.name,
    label: key.label,
    disabled: key.disabled,
    limit_usd: key.limit_microUsd === null ? null : Number(key.limit_microUsd) / 1_000_000,
    limit_reset: key.limitReset,
    rpm_limit: key.rpmLimit,
    itpm_limit: key.itpmLimit,
    otpm_limit: key.otpmLimit,
    allowed_models: [...key.allowedModels],
    self_route_only: key.selfRouteOnly,
    expires_at: key.expiresAt?.toISOString() ?? null,
    created_at: key.createdAt.toISOString(),
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}
