import type { Clock } from "@umbel/protocol";
import { post } from "../../ledger/index.js";
import { accountRepository, type InviteRow, inviteRepository, ledgerRepository, type Store, type Tx } from "../../store/index.js";
import { once } from "../administration/index.js";
import { ask } from "../ask.js";
import { isCode, normalCode, randomCode } from "../codes.js";
import { INVITE_LIMITS, InviteError, type InviteErrorCode, type Invites } from "./types.js";

const PREFIX = "INV-";
/** 60 bits: nobody meets one by guessing. */
const RANDOM_CHARACTERS = 12;

const REFUSALS = {
  unknown: "there is no such code",
  inactive: "this code is not valid any more",
  expired: "this code has expired",
  used_up: "this code has been used as often as it can be",
  redeemed: "you have redeemed this code before",
  too_many_misses: "too many codes that there are not; try again in an hour",
} as const satisfies Partial<Record<InviteErrorCode, string>>;
type Refusal = keyof typeof REFUSALS;

export interface InvitesDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
}

/**
 * Invite codes. A redemption and its money are one transaction, and each code, account and use counts once whatever comes at once.
 *
 * @throws InviteError (from methods that change)
 * @throws AccountsUnavailableError (from every method) the database does not answer; a change may or may not have happened
 */
export function createInvites({ store, clock, randomBytes }: InvitesDependencies): Invites {
  const since = () => new Date(clock.date().getTime() - INVITE_LIMITS.missesCount_ms);

  /** What redeeming came to. A miss is a result, because it is to be kept. */
  async function redeem(tx: Tx, accountId: string, code: string): Promise<Refusal | { credited: bigint; balance: bigint }> {
    // One at a time of an account, so that misses are counted before the next guess.
    await accountRepository.lock(tx, accountId);
    if ((await inviteRepository.misses(tx, accountId, since())) >= INVITE_LIMITS.misses_max) return "too_many_misses";
    const at = clock.date();
    const invite = isCode(code) ? await inviteRepository.lock(tx, code) : undefined;
    if (invite === undefined) {
      await inviteRepository.noteMiss(tx, accountId, at);
      return "unknown";
    }
    const refusal = whyNot(invite, at);
    if (refusal !== undefined) return refusal;
    if (!(await inviteRepository.redeem(tx, code, accountId, at))) return "redeemed";
    const { amount_microUsd } = invite;
    const entries = [
      { accountId, type: "invite_credit", amount_microUsd },
      { accountId: "sys:promo", type: "invite_credit", amount_microUsd: -amount_microUsd },
    ] as const;
    await post(tx, { kind: "invite_credit", idempotencyKey: `invite:${code}:${accountId}`, reference: `invite:${code}`, entries }, at);
    const after = await ledgerRepository.balance(tx, accountId);
    if (after === undefined) throw new Error("an account that was credited has no balance");
    return { credited: amount_microUsd, balance: after.balance_microUsd - after.held_microUsd };
  }

  return {
    async create({ code: wanted, amount_microUsd, uses_max, expiresAt }, request) {
      const at = clock.date();
      const code = normalCode(wanted ?? "") || `${PREFIX}${randomCode(RANDOM_CHARACTERS, randomBytes)}`;
      if (!isCode(code)) throw new InviteError("invalid", "a code is 3 to 20 letters, digits and hyphens, with no hyphen at its ends");
      if (amount_microUsd <= 0n || amount_microUsd > INVITE_LIMITS.amount_microUsd_max) {
        throw new InviteError("invalid", "amount_usd must be above zero and at most 10000", "amount_usd");
      }
      if (!Number.isInteger(uses_max) || uses_max < 0 || uses_max > INVITE_LIMITS.uses_max) {
        throw new InviteError("invalid", `max_uses must be at most ${INVITE_LIMITS.uses_max}`, "max_uses");
      }
      if (expiresAt !== null && expiresAt <= at) throw new InviteError("invalid", "expires_at must be in the future", "expires_at");
      const asked = {
        code: normalCode(wanted ?? ""),
        amount: amount_microUsd.toString(),
        uses_max,
        expires: expiresAt?.toISOString() ?? null,
      };
      const row = { code, amount_microUsd, uses_max, expiresAt, createdAt: at, active: true, uses: 0 };
      const work = async (tx: Tx) => {
        if (!(await inviteRepository.insert(tx, row))) throw new InviteError("taken", "there is such a code already");
        return { answer: code, target: code, before: null, after: asked };
      };
      const kept = await ask(once(store, request, { action: "invite.create", asked, work }, at), clock);
      return { ...row, code: kept };
    },

    list: (page) => ask(inviteRepository.latest(store.db, page), clock),

    async deactivate(written, request) {
      const code = normalCode(written);
      const work = async (tx: Tx) => {
        const invite = await inviteRepository.lock(tx, code);
        if (invite === undefined) throw new InviteError("unknown", REFUSALS.unknown);
        await inviteRepository.deactivate(tx, code);
        return { answer: null, target: code, before: { active: invite.active, uses: invite.uses }, after: { active: false } };
      };
      await ask(once(store, request, { action: "invite.deactivate", asked: { code }, work }, clock.date()), clock);
    },

    async redeem(accountId, written) {
      const redeemed = await ask(
        store.transaction((tx) => redeem(tx, accountId, normalCode(written))),
        clock,
      );
      if (typeof redeemed === "string") throw new InviteError(redeemed, REFUSALS[redeemed]);
      return { credited_microUsd: redeemed.credited, balance_microUsd: redeemed.balance };
    },

    sweep: () => inviteRepository.forgetMisses(store.db, since()),
  };
}

function whyNot({ active, expiresAt, uses, uses_max }: InviteRow, at: Date): Refusal | undefined {
  if (!active) return "inactive";
  if (expiresAt !== null && expiresAt <= at) return "expired";
  return uses_max !== 0 && uses >= uses_max ? "used_up" : undefined;
}
