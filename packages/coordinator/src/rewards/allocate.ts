import { isWorkhorse } from "./tiers.js";

export interface Claim {
  readonly machineId: string;
  readonly accountId: string;
  readonly memory_gb: number;
  readonly floor_microUsd: bigint;
  readonly earned_microUsd: bigint;
  /** What it lacks. */
  readonly desired_microUsd: bigint;
}

export interface Purse {
  readonly budget_microUsd: bigint;
  /** Most that one account gets of it; undefined is no limit. */
  readonly perAccount_microUsd: bigint | undefined;
}

const SCALE = 1_000_000_000n;

/**
 * Shares a budget out: first workhorses from half of it, then everybody from what is left, those first who lack the largest part of their floor. It does
 * not matter in which order the claims come. Source: money.md §14.
 *
 * @returns what each gets, by machine; the sum is at most the budget, and nobody gets more than was desired
 */
export function allocate(claims: readonly Claim[], { budget_microUsd, perAccount_microUsd }: Purse): ReadonlyMap<string, bigint> {
  const ordered = [...claims].sort(byNeed);
  const grants = new Map<string, bigint>();
  const ofAccounts = new Map<string, bigint>();
  let left = budget_microUsd;

  function pass(some: readonly Claim[], purse: bigint): void {
    let inPurse = purse;
    for (const { machineId, accountId, desired_microUsd } of some) {
      const had = grants.get(machineId) ?? 0n;
      const accountHad = ofAccounts.get(accountId) ?? 0n;
      const room = perAccount_microUsd === undefined ? desired_microUsd : perAccount_microUsd - accountHad;
      const grant = least(desired_microUsd - had, inPurse, room);
      if (grant <= 0n) continue;
      grants.set(machineId, had + grant);
      ofAccounts.set(accountId, accountHad + grant);
      inPurse -= grant;
      left -= grant;
    }
  }

  pass(
    ordered.filter(({ memory_gb }) => isWorkhorse(memory_gb)),
    left / 2n,
  );
  pass(ordered, left);
  return grants;
}

function byNeed(a: Claim, b: Claim): number {
  const [needOfA, needOfB] = [need(a), need(b)];
  if (needOfA !== needOfB) return needOfA > needOfB ? -1 : 1;
  return a.machineId < b.machineId ? -1 : 1;
}

function need({ floor_microUsd, earned_microUsd, memory_gb }: Claim): bigint {
  if (floor_microUsd <= 0n) return 0n;
  const lacking = SCALE - least(SCALE, (earned_microUsd * SCALE) / floor_microUsd);
  return lacking + (isWorkhorse(memory_gb) ? SCALE : 0n);
}

function least(...amounts: readonly [bigint, ...bigint[]]): bigint {
  return amounts.reduce((small, amount) => (amount < small ? amount : small));
}
