import type { Clock } from "@umbel/protocol";
import { AMOUNT_MICRO_USD_MAX, post } from "../../ledger/index.js";
import {
  adminRequestRepository,
  journalRepository,
  ledgerRepository,
  mergingRepository,
  priceRepository,
  type Store,
  type Tx,
  type UserRow,
  userRepository,
} from "../../store/index.js";
import { ask } from "../ask.js";
import { followMerged, mergeAccounts } from "./merge-accounts.js";
import { once } from "./once.js";
import {
  type AccountName,
  ADMINISTRATION_LIMITS,
  type Administration,
  AdministrationError,
  type AdminRequest,
  type Gift,
} from "./types.js";

/** Accounts that went over to others, looked after in one run. */
const FOLLOWED_max = 100;

/** How each kind of gift is booked (money.md §5): on whose account, and whether it can be withdrawn. */
const GIFTS = {
  admin_credit: { from: "sys:promo", isWithdrawable: false },
  admin_reward: { from: "sys:rewards", isWithdrawable: true },
} as const;

/**
 * What operators do about accounts.
 *
 * @throws AdministrationError (from every method)
 * @throws AccountsUnavailableError (from every method) the database does not answer; a change may or may not have happened
 */
export function createAdministration({ store, clock }: { readonly store: Store; readonly clock: Clock }): Administration {
  const { db } = store;

  async function give(kind: keyof typeof GIFTS, { to, amount_microUsd, note }: Gift, request: AdminRequest) {
    const text = checkedNote(note ?? "", "note");
    if (amount_microUsd <= 0n || amount_microUsd > AMOUNT_MICRO_USD_MAX) {
      throw new AdministrationError("invalid", "amount_usd must be above zero and at most a billion USD", "amount_usd");
    }
    const { from, isWithdrawable } = GIFTS[kind];
    const asked = { ...to, amount: amount_microUsd.toString(), note: text };
    const at = clock.date();
    const change = once(
      store,
      request,
      {
        action: kind === "admin_credit" ? "account.credit" : "account.reward",
        asked,
        async work(tx) {
          const { accountId, email } = await found(tx, to);
          const before = await ledgerRepository.balance(tx, accountId);
          const gain = isWithdrawable ? { withdrawable_microUsd: amount_microUsd } : {};
          await post(
            tx,
            {
              kind,
              idempotencyKey: `admin:${request.idempotencyKey}`,
              reference: kind,
              entries: [
                { accountId, type: kind, amount_microUsd, ...gain },
                { accountId: from, type: kind, amount_microUsd: -amount_microUsd },
              ],
            },
            at,
          );
          if (text !== "") await journalRepository.annotate(tx, `admin:${request.idempotencyKey}`, text);
          const after = await ledgerRepository.balance(tx, accountId);
          if (after === undefined) throw new Error("an account that was credited has no balance");
          const answer = {
            accountId,
            email,
            amount_microUsd,
            balanceAfter_microUsd: after.balance_microUsd - after.held_microUsd,
            withdrawableAfter_microUsd: after.withdrawable_microUsd,
          };
          const stood = { balance_micro_usd: before?.balance_microUsd ?? 0n };
          const stands = { balance_micro_usd: after.balance_microUsd, amount_micro_usd: amount_microUsd, note: text };
          return { answer, target: accountId, before: stood, after: stands };
        },
      },
      at,
    );
    return ask(change, clock);
  }

  /** Changes facts of an account, and tells the audit how they stood. */
  async function change(
    accountId: string,
    { action, ...values }: { readonly action: string } & Partial<Pick<UserRow, "role" | "platformFeePercent" | "frozenReason">>,
    request: AdminRequest,
  ): Promise<void> {
    const work = async (tx: Tx) => {
      const stood = existing(await userRepository.lock(tx, accountId));
      await userRepository.update(tx, accountId, values);
      return { answer: null, target: accountId, before: picked(stood, values), after: values };
    };
    await ask(once(store, request, { action, asked: { accountId, ...values }, work }, clock.date()), clock);
  }

  return {
    credit: (gift, request) => give("admin_credit", gift, request),
    reward: (gift, request) => give("admin_reward", gift, request),

    setRole: (accountId, role, request) => change(accountId, { action: "account.role", role }, request),
    async setPlatformFee(accountId, percent, request) {
      if (percent !== null && !(Number.isInteger(percent) && percent >= 0 && percent <= 100)) {
        throw new AdministrationError("invalid", "platform_fee_percent must be from 0 to 100, or null", "platform_fee_percent");
      }
      await change(accountId, { action: "account.fee", platformFeePercent: percent }, request);
    },
    async setFrozen(accountId, reason, request) {
      const text = reason === null ? null : checkedNote(reason, "reason");
      if (text === "") throw new AdministrationError("invalid", "reason must say why the account is frozen", "reason");
      await change(accountId, { action: text === null ? "account.unfreeze" : "account.freeze", frozenReason: text }, request);
    },

    merge(from, into, request) {
      const at = clock.date();
      const work = async (tx: Tx) => {
        const answer = await mergeAccounts(tx, { from, into }, { actor: request.actor, at });
        const after = { into, moved_micro_usd: answer.moved_microUsd, rows: answer.rows };
        return { answer, target: from, before: null, after };
      };
      return ask(once(store, request, { action: "account.merge", asked: { from, into }, work }, at), clock);
    },

    async setListPrice(model, prices, request) {
      for (const price of Object.values(prices)) {
        if (price <= 0n || price > AMOUNT_MICRO_USD_MAX)
          throw new AdministrationError("invalid", "prices must be above zero", "input_price");
      }
      const at = clock.date();
      const asked = { model, input: prices.input_microUsd.toString(), output: prices.output_microUsd.toString() };
      const work = async (tx: Tx) => {
        const stood = await priceRepository.ofModel(tx, model);
        await priceRepository.set(tx, model, prices, { actor: request.actor, at });
        return { answer: null, target: model, before: stood, after: prices };
      };
      await ask(once(store, request, { action: "price.set", asked, work }, at), clock);
    },

    async users({ text, after, limit }) {
      const rows = await ask(userRepository.search(store.reports.db, { text, after, limit }), clock);
      return rows.map(({ user, ...figures }) => {
        const { accountId, displayName, email, role, platformFeePercent, frozenReason, createdAt, erasedAt, mergedInto } = user;
        return { accountId, displayName, email, role, platformFeePercent, frozenReason, createdAt, erasedAt, mergedInto, ...figures };
      });
    },

    async journal(accountId, page) {
      if ((await ask(userRepository.byId(db, accountId), clock)) === undefined) return undefined;
      return ask(journalRepository.latest(store.reports.db, accountId, page), clock);
    },

    async sweep() {
      const by = { actor: "coordinator", at: clock.date() };
      for (const pair of await mergingRepository.leftBehind(db, FOLLOWED_max)) await store.transaction((tx) => followMerged(tx, pair, by));
      await adminRequestRepository.removeOlder(db, new Date(clock.date().getTime() - ADMINISTRATION_LIMITS.keyKept_ms));
    },
  };
}

/** The one account of that name. @throws AdministrationError */
async function found(tx: Tx, name: AccountName): Promise<UserRow> {
  if ("accountId" in name) return existing(await userRepository.lock(tx, name.accountId));
  const [one, another] = await userRepository.byEmail(tx, name.email.trim().toLowerCase(), 2);
  if (another !== undefined) {
    throw new AdministrationError("ambiguous_email", "several accounts have this e-mail address; name the account instead", "email");
  }
  if (one === undefined) throw new AdministrationError("unknown_account", "no account has this e-mail address", "email");
  return one;
}

function existing(row: UserRow | undefined): UserRow {
  if (row !== undefined && row.erasedAt === null) return row;
  throw new AdministrationError("unknown_account", "there is no such account", "account_id");
}

function picked(row: UserRow, like: Partial<UserRow>): unknown {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name in like));
}

function checkedNote(text: string, field: string): string {
  const trimmed = text.trim();
  const { noteCharacters_max } = ADMINISTRATION_LIMITS;
  if (trimmed.length <= noteCharacters_max && !/[\p{Cc}\p{Cs}]/u.test(trimmed)) return trimmed;
  throw new AdministrationError("invalid", `${field} must be at most ${noteCharacters_max} printable characters`, field);
}
