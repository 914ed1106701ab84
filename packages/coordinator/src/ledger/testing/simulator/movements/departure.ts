import { ErasureError } from "../../../../accounts/index.js";
import { ifAway } from "../away.js";
import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Deed } from "../story.js";

/** Somebody goes, with money left; or thinks better of it. */
export function departure(cast: Cast, chance: Chance): Deed[] {
  const accountId = chance.pick([cast.consumer, cast.provider]);
  const ifNot = (error: unknown): undefined => (error instanceof ErasureError ? undefined : ifAway(error));
  const goes: Deed = async ({ dataRights }) => {
    await dataRights.requestErasure(accountId, { confirm: accountId, forfeit: true }).catch(ifNot);
  };
  const stays: Deed = async ({ dataRights }) => void (await dataRights.cancelErasure(accountId).catch(ifNot));
  return chance.happens(0.2) ? [goes, stays] : [goes];
}
