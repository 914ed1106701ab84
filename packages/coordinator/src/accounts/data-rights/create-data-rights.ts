import type { Clock } from "@umbel/protocol";
import { post } from "../../ledger/index.js";
import {
  departureRepository,
  type ErasureRow,
  erasureRepository,
  exportAccountRows,
  ledgerRepository,
  type Store,
  type Tx,
  userRepository,
} from "../../store/index.js";
import { ask } from "../ask.js";
import { DATA_RIGHTS_LIMITS, type DataRights, type Erasure, ErasureError } from "./types.js";

const ID_bytes = 12;
/** Why the account is frozen meanwhile; cancelling takes away no other reason. */
const FROZEN = "erasure requested";

const OBSTACLES = {
  withdrawals: "a withdrawal is under way; wait for its end",
  disputes: "a payment is disputed; wait for its end",
  money: 'there are earnings of a USD or more on the account; withdraw them, or give them up with "forfeit": true',
} as const;

export interface DataRightsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Time to think it over. */
  readonly erasureDelay_ms: number;
}

/**
 * Export and erasure of accounts. What the books need stays, under an id that tells nobody whose it was.
 *
 * @throws ErasureError (from `requestErasure`)
 * @throws AccountsUnavailableError (but from the export) the database does not answer; a change may or may not have happened
 */
export function createDataRights({ store, clock, randomBytes, erasureDelay_ms }: DataRightsDependencies): DataRights {
  async function request(tx: Tx, accountId: string, { confirm, forfeit }: { confirm: string; forfeit: boolean }): Promise<Erasure> {
    const user = await userRepository.lock(tx, accountId);
    if (user === undefined || confirm.trim().toLowerCase() !== (user.email ?? accountId).toLowerCase()) {
      throw new ErasureError("not_confirmed", "confirm must be the account's e-mail address, or its id where it has none");
    }
    if ((await erasureRepository.open(tx, accountId)) !== undefined)
      throw new ErasureError("scheduled", "the account's end is scheduled already");
    const obstacle = await firstObstacle(tx, accountId, forfeit, clock.date());
    if (obstacle !== undefined) throw new ErasureError(obstacle, OBSTACLES[obstacle]);
    const at = clock.date();
    const row = {
      id: `era_${Buffer.from(randomBytes(ID_bytes)).toString("hex")}`,
      requestedAt: at,
      scheduledFor: new Date(at.getTime() + erasureDelay_ms),
    };
    const report = {
      keys: await departureRepository.disableKeys(tx, accountId),
      provider_tokens: await departureRepository.revokeTokens(tx, accountId, at),
      machines: await departureRepository.unlinkMachines(tx, accountId),
    };
    if (user.frozenReason === null) await departureRepository.freeze(tx, accountId, FROZEN);
    await erasureRepository.insert(tx, { ...row, accountId, forfeit, state: "scheduled", report });
    return row;
  }

  async function cancel(tx: Tx, accountId: string): Promise<boolean> {
    const user = await userRepository.lock(tx, accountId);
    const open = await erasureRepository.open(tx, accountId);
    if (open === undefined) return false;
    const { keys = [] } = open.report as { readonly keys?: readonly string[] };
    await departureRepository.enableKeys(tx, accountId, keys);
    if (user?.frozenReason === FROZEN) await departureRepository.freeze(tx, accountId, null);
    await erasureRepository.end(tx, open.id, { state: "cancelled", at: clock.date(), report: open.report });
    return true;
  }

  /** False when something stands in the way; then it is tried again another day. */
  async function erase(tx: Tx, { id, accountId }: ErasureRow): Promise<boolean> {
    const at = clock.date();
    await userRepository.lock(tx, accountId);
    // Read again: its owner may have thought better of it meanwhile.
    const open = await erasureRepository.open(tx, accountId);
    if (open?.id !== id) return false;
    if ((await firstObstacle(tx, accountId, open.forfeit, at)) !== undefined) {
      await erasureRepository.postpone(tx, id, new Date(at.getTime() + DATA_RIGHTS_LIMITS.postponed_ms));
      return false;
    }
    const holds = await departureRepository.releaseHolds(tx, accountId, at);
    const forfeited_microUsd = await forfeit(tx, accountId, id, at);
    const rows = await departureRepository.forget(tx, accountId, at);
    const report = { ...rows, holds, forfeited_micro_usd: Number(forfeited_microUsd) };
    await erasureRepository.end(tx, id, { state: "done", at, report });
    return true;
  }

  return {
    requestErasure: (accountId, wish) =>
      ask(
        store.transaction((tx) => request(tx, accountId, wish)),
        clock,
      ),
    erasure: (accountId) => ask(erasureRepository.open(store.db, accountId), clock),
    cancelErasure: (accountId) =>
      ask(
        store.transaction((tx) => cancel(tx, accountId)),
        clock,
      ),

    async eraseDue() {
      const due = await ask(erasureRepository.due(store.db, clock.date(), DATA_RIGHTS_LIMITS.perRun_max), clock);
      let erased = 0;
      for (const row of due) if (await store.transaction((tx) => erase(tx, row))) erased += 1;
      return erased;
    },

    exportAccount: (accountId, sink) => exportAccountRows(store.reports.client, accountId, sink),
  };
}

async function firstObstacle(tx: Tx, accountId: string, forfeit: boolean, at: Date): Promise<keyof typeof OBSTACLES | undefined> {
  const [obstacle] = await departureRepository.obstacles(tx, accountId, at);
  if (obstacle !== undefined) return obstacle;
  const balance = await ledgerRepository.balance(tx, accountId);
  const isRich = (balance?.withdrawable_microUsd ?? 0n) >= DATA_RIGHTS_LIMITS.withdrawable_microUsd_min;
  return isRich && !forfeit ? "money" : undefined;
}

/** What is left goes to the house, so that no money lies where nobody can reach it. */
async function forfeit(tx: Tx, accountId: string, id: string, at: Date): Promise<bigint> {
  const balance = await ledgerRepository.balance(tx, accountId);
  const left = balance?.balance_microUsd ?? 0n;
  if (balance === undefined || left === 0n) return 0n;
  const entries = [
    { accountId, type: "erasure_forfeit", amount_microUsd: -left, withdrawable_microUsd: -balance.withdrawable_microUsd },
    { accountId: "platform", type: "erasure_forfeit", amount_microUsd: left },
  ] as const;
  await post(tx, { kind: "erasure_forfeit", idempotencyKey: `erase:${id}`, reference: id, entries }, at);
  return left;
}
