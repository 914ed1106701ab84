import { AdministrationError, type AdminRequest, InviteError } from "../../../../accounts/index.js";
import { ifAway } from "../away.js";
import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Deed } from "../story.js";

const EARNED_microUsd = 10_000_000n;
const CREDIT_microUsd = 700n;

/** Two people redeem a code that is good for one, and one of them tries twice. */
export function invited(cast: Cast): Deed[] {
  const redeemedBy =
    (accountId: string): Deed =>
    async ({ invites }, tell) => {
      try {
        await invites.redeem(accountId, cast.invite);
        tell({ about: "posted", key: `invite:${cast.invite}:${accountId}` });
      } catch (error) {
        if (!(error instanceof InviteError)) ifAway(error);
      }
    };
  return [redeemedBy(cast.consumer), redeemedBy(cast.provider), redeemedBy(cast.consumer)];
}

/** An operator gives money, and repeats himself; now and then with another amount, which is refused. */
export function gift(cast: Cast, chance: Chance, kind: "credit" | "reward", index: number): Deed[] {
  const request: AdminRequest = { actor: "operator", ipHash: undefined, idempotencyKey: `s${cast.seed}-${kind}-${index}` };
  const accountId = kind === "credit" ? cast.consumer : cast.provider;
  const amount = kind === "credit" ? CREDIT_microUsd : EARNED_microUsd;
  const given =
    (amount_microUsd: bigint): Deed =>
    async ({ administration }, tell) => {
      try {
        await administration[kind]({ to: { accountId }, amount_microUsd }, request);
        tell({ about: "posted", key: `admin:${request.idempotencyKey}` });
      } catch (error) {
        if (!(error instanceof AdministrationError)) ifAway(error);
      }
    };
  return chance.happens(0.4) ? [given(amount), given(amount + (chance.happens(0.3) ? 1n : 0n))] : [given(amount)];
}

/** An operator freezes an account, and thaws it later, or does not. */
export function frozen(cast: Cast, chance: Chance): Deed[] {
  const accountId = chance.pick([cast.consumer, cast.provider]);
  const setTo =
    (reason: string | null, index: number): Deed =>
    async ({ administration }) => {
      const request: AdminRequest = { actor: "operator", ipHash: undefined, idempotencyKey: `s${cast.seed}-freeze-${index}` };
      await administration.setFrozen(accountId, reason, request).catch((error: unknown) => {
        if (!(error instanceof AdministrationError)) ifAway(error);
      });
    };
  return chance.happens(0.6) ? [setTo("looked at", 1), setTo(null, 2)] : [setTo("looked at", 1)];
}
