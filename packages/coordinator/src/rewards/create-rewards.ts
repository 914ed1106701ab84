import type { Clock } from "@umbel/protocol";
import { post } from "../ledger/index.js";
import { auditRepository, type PresenceRow, rewardRepository, type Store, type Tx } from "../store/index.js";
import { allocate, type Claim } from "./allocate.js";
import { ineligibility } from "./eligibility.js";
import { EPOCH_minutes, EPOCH_ms, type Epoch, epochAt, partOf } from "./epochs.js";
import { countedMemory_gb, monthlyFloor_microUsd } from "./tiers.js";
import type { RewardSettings, Rewards } from "./types.js";

const MINUTE_ms = 60_000;
const DAY_ms = 24 * 3_600_000;

export const REWARD_LIMITS = {
  /** How long after an epoch it is settled: a look at a machine may be under way. Source: money.md §14. */
  grace_ms: 90_000,
  /** How far back epochs are caught up. */
  catchUp_ms: DAY_ms,
  minutesKept_ms: 35 * DAY_ms,
  /** Draws that a list shows. */
  draws_max: 10_000,
} as const;

const PARTS = 1_000_000n;
/** Who pays. */
const HOUSE = "sys:rewards";

/** Availability rewards: what is paid is judged by what was seen of machines minute by minute, not by who is there when it is paid. */
export function createRewards({
  store,
  clock,
  settings,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: RewardSettings;
}): Rewards {
  const { db } = store;

  /** One transaction, alone with this epoch: all of it or nothing, and once. */
  async function settleEpoch(epoch: Epoch): Promise<boolean> {
    return store.transaction(async (tx) => {
      await rewardRepository.lockEpoch(tx, epoch.id);
      if ((await rewardRepository.epoch(tx, epoch.id)) !== undefined) return false;
      const budget_microUsd = await budgetOf(tx, epoch);
      const claims = await claimsOf(tx, epoch);
      const share = settings.accountShare_max;
      const perAccount_microUsd = share === 0 ? undefined : times(budget_microUsd, share);
      const grants = allocate(claims, { budget_microUsd, perAccount_microUsd });
      const drawn_microUsd = [...grants.values()].reduce((sum, grant) => sum + grant, 0n);
      const at = clock.date();
      await rewardRepository.insertEpoch(tx, { epochId: epoch.id, budget_microUsd, drawn_microUsd, settledAt: at });
      if (grants.size > 0) await rewardRepository.lockBalances(tx, [HOUSE, ...claims.map(({ accountId }) => accountId)]);
      for (const claim of claims) await pay(tx, epoch, claim, grants.get(claim.machineId) ?? 0n, at);
      return true;
    });
  }

  async function budgetOf(tx: Tx, epoch: Epoch): Promise<bigint> {
    const budget = partOf(settings.monthlyPool_microUsd, epoch);
    if (settings.lifetime_microUsd === 0n) return budget;
    const left = settings.lifetime_microUsd - (await rewardRepository.drawnInAll(tx));
    return left < 0n ? 0n : left < budget ? left : budget;
  }

  async function claimsOf(tx: Tx, epoch: Epoch): Promise<readonly (Claim & { readonly uptime: number })[]> {
    const [presence, earned, caps] = await Promise.all([
      rewardRepository.presence(tx, epoch.start, epoch.end),
      rewardRepository.earned(tx, epoch.start, epoch.end),
      rewardRepository.caps(tx),
    ]);
    return presence.flatMap((row) => claimOf(row, epoch, earned.get(row.machineId) ?? 0n, caps) ?? []);
  }

  /** Undefined for a machine that is nobody's, was not there for long enough, or is of a class that nobody has looked at yet: that one may be paid later. */
  function claimOf(
    { machineId, accountId, computeClass, ...row }: PresenceRow,
    epoch: Epoch,
    earned_microUsd: bigint,
    caps: ReadonlyMap<string, number>,
  ) {
    const uptime = Math.min(1, row.eligibleMinutes / EPOCH_minutes);
    const memory_gb = countedMemory_gb(row.memory_gb, computeClass, caps);
    if (accountId === null || memory_gb === undefined || uptime < settings.uptime_min) return undefined;
    const least = settings.uptime_min;
    const availability = least >= 1 ? 1 : Math.min(1, Math.max(0, (uptime - least) / (1 - least)));
    const floor_microUsd = times(partOf(monthlyFloor_microUsd(memory_gb), epoch), availability);
    const lacking = floor_microUsd - times(earned_microUsd, settings.reduction);
    return { machineId, accountId, memory_gb, uptime, floor_microUsd, earned_microUsd, desired_microUsd: lacking > 0n ? lacking : 0n };
  }

  return {
    async note(machines) {
      const minute = new Date(Math.floor(clock.date().getTime() / MINUTE_ms) * MINUTE_ms);
      const rows = machines.map((machine) => {
        const reasons = [...ineligibility(machine, settings.minTrust)];
        const { machineId, accountId = null, computeClass, memory_gb } = machine;
        return { machineId, minute, accountId, eligible: reasons.length === 0, reasons, computeClass, memory_gb };
      });
      await rewardRepository.saveMinutes(db, rows);
    },

    async settle() {
      const now_ms = clock.date().getTime();
      const first = await rewardRepository.firstMinute(db, new Date(now_ms - REWARD_LIMITS.catchUp_ms));
      if (first === undefined) return 0;
      const settled = await rewardRepository.settledSince(db, epochAt(first).id);
      let count = 0;
      for (let epoch = epochAt(first); epoch.end.getTime() + REWARD_LIMITS.grace_ms <= now_ms; epoch = epochAt(epoch.end)) {
        if (!settled.has(epoch.id) && (await settleEpoch(epoch))) count += 1;
      }
      return count;
    },

    async ofAccount(accountId) {
      const now = clock.date();
      const month = epochAt(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())));
      const [draws, minutes] = await Promise.all([
        rewardRepository.latestDraws(db, accountId, month.id),
        rewardRepository.latestMinutes(db, accountId, new Date(now.getTime() - 2 * EPOCH_ms)),
      ]);
      const ids = [...new Set([...draws, ...minutes].map(({ machineId }) => machineId))].sort();
      return ids.map((machineId) => {
        const draw = draws.find((row) => row.machineId === machineId);
        return { machineId, draw, sum_microUsd: draw?.sum_microUsd ?? 0n, latest: minutes.find((row) => row.machineId === machineId) };
      });
    },

    async latest() {
      const epoch = await rewardRepository.latestEpoch(db);
      return epoch && { epoch, draws: await rewardRepository.drawsOf(db, epoch.epochId, REWARD_LIMITS.draws_max) };
    },

    caps: () => rewardRepository.caps(db),
    async setCap(computeClass, memory_gb, actor) {
      await store.transaction(async (tx) => {
        const before = (await rewardRepository.caps(tx)).get(computeClass) ?? null;
        await rewardRepository.setCap(tx, computeClass, memory_gb);
        const after = memory_gb ?? null;
        await auditRepository.insert(tx, { at: clock.date(), actor, action: "hardware_cap.set", target: computeClass, before, after });
      });
    },

    sweep: () => rewardRepository.forgetMinutes(db, new Date(clock.date().getTime() - REWARD_LIMITS.minutesKept_ms)),
  };
}

/** Nothing is recorded as nothing: whoever was there and got nothing can see so. */
async function pay(tx: Tx, { id }: Epoch, claim: Claim & { readonly uptime: number }, amount_microUsd: bigint, at: Date): Promise<void> {
  const { machineId, accountId, floor_microUsd, earned_microUsd, uptime, memory_gb } = claim;
  const facts = { floor_microUsd, earned_microUsd, uptime, memory_gb };
  await rewardRepository.insertDraw(tx, { machineId, epochId: id, accountId, amount_microUsd, ...facts, createdAt: at });
  if (amount_microUsd === 0n) return;
  const entries = [
    { accountId, type: "provider_floor_draw", amount_microUsd, withdrawable_microUsd: amount_microUsd },
    { accountId: HOUSE, type: "provider_floor_draw", amount_microUsd: -amount_microUsd },
  ] as const;
  await post(tx, { kind: "provider_floor_draw", idempotencyKey: `floor:${id}:${machineId}`, reference: id, entries }, at);
}

/** Truncated. @param share of at most six decimals */
function times(amount: bigint, share: number): bigint {
  return (amount * BigInt(Math.round(share * Number(PARTS)))) / PARTS;
}
