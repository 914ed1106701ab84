/** Runs work that needs accounts, so many at once of each account; the rest waits here, in the order in which it came. */
type Lanes = <T>(accountIds: readonly string[], signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

const SYSTEM_ACCOUNT = /^(?:platform$|sys:)/;

/**
 * Statements of one account wait for its balance. Were they to wait in the database, each would keep a connection meanwhile, and an account that
 * asks much would keep all others waiting, too.
 *
 * @param width statements of one account at once; those that come behind are sent when one of these has ended
 */
export function createLanes(width: number): Lanes {
  const lanes = new Map<string, Lane>();

  async function enter(accountId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const lane = lanes.get(accountId) ?? { running: 0, waiting: [] };
    lanes.set(accountId, lane);
    if (lane.running < width) {
      lane.running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const goOn = (): void => {
        signal.removeEventListener("abort", giveUp);
        resolve();
      };
      const giveUp = (): void => {
        lane.waiting.splice(lane.waiting.indexOf(goOn), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      lane.waiting.push(goOn);
    });
  }

  /** Whoever has waited longest takes the place. */
  function leave(accountId: string): void {
    const lane = lanes.get(accountId);
    if (lane === undefined) return;
    const next = lane.waiting.shift();
    if (next === undefined) {
      lane.running -= 1;
      if (lane.running === 0) lanes.delete(accountId);
    } else next();
  }

  return async (accountIds, signal, work) => {
    const entered: string[] = [];
    try {
      for (const accountId of inOrder(accountIds)) {
        await enter(accountId, signal);
        entered.push(accountId);
      }
      return await work();
    } finally {
      entered.forEach(leave);
    }
  };
}

/** One order for all, so that no two wait for each other; first those of the house, for which everybody waits, so that nobody's own waits with them. */
function inOrder(accountIds: readonly string[]): readonly string[] {
  const isOfHouse = (accountId: string): boolean => SYSTEM_ACCOUNT.test(accountId);
  return [...new Set(accountIds)].sort((a, b) => Number(isOfHouse(b)) - Number(isOfHouse(a)) || (a < b ? -1 : 1));
}
