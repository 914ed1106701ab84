import type { Clock } from "@umbel/protocol";
import { accountRepository, referralRepository, type Store, type Tx } from "../../store/index.js";
import { ask } from "../ask.js";
import { isCode, normalCode } from "../codes.js";
import { RESERVED_CODES, ReferralError, type Referrals } from "./types.js";

export interface ReferralsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly share_percent: number;
}

/**
 * The referral programme.
 *
 * @throws ReferralError (from methods that change)
 * @throws AccountsUnavailableError (from every method) the database does not answer; a change may or may not have happened
 */
export function createReferrals({ store, clock, share_percent }: ReferralsDependencies): Referrals {
  const { db } = store;

  async function register(tx: Tx, accountId: string, code: string): Promise<string> {
    const had = await referralRepository.codeOf(tx, accountId);
    if (had !== undefined) return had;
    if (!isCode(code)) {
      throw new ReferralError("invalid", "a referral code is 3 to 20 letters, digits and hyphens, with no hyphen at its ends");
    }
    if (RESERVED_CODES.has(code)) throw new ReferralError("reserved", "this referral code is reserved; choose another");
    if (await referralRepository.register(tx, accountId, code, clock.date())) return code;
    // Somebody else's, unless the same account has asked for two at once.
    const won = await referralRepository.codeOf(tx, accountId);
    if (won !== undefined) return won;
    throw new ReferralError("taken", "this referral code is taken; choose another");
  }

  async function apply(tx: Tx, accountId: string, code: string): Promise<void> {
    const referrer = isCode(code) ? await referralRepository.accountOf(tx, code) : undefined;
    if (referrer === undefined) throw new ReferralError("unknown", "there is no such referral code");
    if (referrer === accountId) throw new ReferralError("self", "this referral code is your own");
    // Both, in one order, so that two accounts that name each other at once do not both find themselves first.
    for (const account of [accountId, referrer].sort()) await accountRepository.lock(tx, account);
    const own = await referralRepository.codeOf(tx, accountId);
    if (own !== undefined && (await referralRepository.referrerOf(tx, referrer)) === own) {
      throw new ReferralError("cycle", "you have brought the owner of this referral code yourself");
    }
    if (await referralRepository.apply(tx, accountId, code, clock.date())) return;
    throw new ReferralError("referred", "this account was brought by somebody already");
  }

  return {
    share_percent,

    register: (accountId, code) =>
      ask(
        store.transaction((tx) => register(tx, accountId, normalCode(code))),
        clock,
      ),

    async apply(accountId, written) {
      const code = normalCode(written);
      await ask(
        store.transaction((tx) => apply(tx, accountId, code)),
        clock,
      );
      return code;
    },

    isKnown: async (code) => isCode(code) && (await ask(referralRepository.accountOf(db, code), clock)) !== undefined,

    async applyIn(tx, accountId, written) {
      if ((await referralRepository.referrerOf(tx, accountId)) === undefined) await apply(tx, accountId, normalCode(written));
    },

    async figures(accountId) {
      const code = await ask(referralRepository.codeOf(db, accountId), clock);
      return code === undefined ? undefined : { code, ...(await ask(referralRepository.figures(db, accountId, code), clock)) };
    },

    async info(accountId) {
      const answers = Promise.all([referralRepository.codeOf(db, accountId), referralRepository.referrerOf(db, accountId)]);
      const [code, referredBy] = await ask(answers, clock);
      return { code, referredBy };
    },
  };
}
