import { type Accounts, type KeyRecord, type PublicKey, publicKey } from "@umbel/coordinator";
import { withMoneyAndAccounts } from "../offline-store.js";
import type { KeyDesk } from "./key-desk.js";

/** Keys in the database of a coordinator's home, which runs or not. */
export function localKeys(home: string, account: string): KeyDesk {
  /** `shown` is a key as the API shows it, with what it has spent. */
  const work = <Answer>(act: (accounts: Accounts, shown: (key: KeyRecord) => Promise<PublicKey>) => Promise<Answer>) =>
    withMoneyAndAccounts(home, ({ accounts, ledger }) =>
      act(accounts, async (key) => publicKey(key, (await ledger.keySpend(key.id)).spent_microUsd)),
    );
  return {
    whose: `the account "${account}"`,
    list: () => work(async (accounts, shown) => Promise.all((await accounts.listKeys(account)).map(shown))),
    get: (id) =>
      work(async (accounts, shown) => {
        const record = await accounts.getKey(account, id);
        return record && shown(record);
      }),
    create: (policy) =>
      work(async (accounts, shown) => {
        await accounts.ensureAccount(account, account);
        const { secret, record } = await accounts.createKey({ ...policy, accountId: account });
        return { key: secret, data: await shown(record) };
      }),
    update: (id, change) =>
      work(async (accounts, shown) => {
        const record = await accounts.updateKey(account, id, change);
        return record && shown(record);
      }),
    rotate: (id) =>
      work(async (accounts, shown) => {
        const issued = await accounts.rotateKey(account, id);
        return issued && { key: issued.secret, data: await shown(issued.record) };
      }),
    revoke: (id) => work((accounts) => accounts.revokeKey(account, id)),
  };
}
