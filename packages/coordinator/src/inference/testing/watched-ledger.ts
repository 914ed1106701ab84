import type { Ledger, ReleaseReason, Settlement } from "../../ledger/index.js";

type LedgerCall = "hold" | "park" | "settle" | "release";

/** A ledger that remembers how each hold ended, and fails or hangs when a test says so. */
export interface WatchedLedger extends Ledger {
  /** Calls that reached the ledger, in order, e.g. `hold`, `park`, `settle cancelled`. */
  readonly calls: readonly string[];
  readonly settlements: readonly Settlement[];
  /** Holds that were neither settled nor released. */
  readonly open: ReadonlySet<string>;
  /** Resolves when no hold is open. */
  allEnded(): Promise<void>;
  /** Resolves when so many holds have been granted since the beginning, and whoever asked for them has gone on. */
  granted(holds: number): Promise<void>;
  /** The next calls of this kind reject, or wait until the returned function is called. */
  fail(call: LedgerCall, times: number): void;
  hang(call: LedgerCall): () => void;
}

/** Watches the real ledger; every call goes through to it. */
export function watchLedger(ledger: Ledger): WatchedLedger {
  const calls: string[] = [];
  const settlements: Settlement[] = [];
  const open = new Set<string>();
  const failures = new Map<LedgerCall, number>();
  const hanging = new Map<LedgerCall, Promise<void>>();
  const watchers = new Set<() => void>();
  let grants = 0;

  /** Resolves once `holds` is true, looking after each change. */
  function until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        watchers.delete(look);
        setImmediate(resolve);
      };
      watchers.add(look);
      look();
    });
  }
  function changed(): void {
    for (const look of [...watchers]) look();
  }

  async function reach(call: LedgerCall, detail?: string): Promise<void> {
    calls.push(detail === undefined ? call : `${call} ${detail}`);
    const left = failures.get(call) ?? 0;
    failures.set(call, left - 1);
    if (left > 0) throw new Error("the test ledger fails on purpose");
    await hanging.get(call);
  }
  function end(requestId: string): void {
    open.delete(requestId);
    changed();
  }

  return {
    ...ledger,
    calls,
    settlements,
    open,
    async hold(request) {
      await reach("hold");
      const outcome = await ledger.hold(request);
      if (outcome.ok) {
        open.add(request.requestId);
        grants += 1;
        changed();
      }
      return outcome;
    },
    async park(requestId) {
      await reach("park");
      return ledger.park(requestId);
    },
    async settle(settlement) {
      await reach("settle", settlement.reason);
      settlements.push(settlement);
      const outcome = await ledger.settle(settlement);
      end(settlement.requestId);
      return outcome;
    },
    async release(requestId: string, reason: ReleaseReason) {
      await reach("release", reason);
      const released = await ledger.release(requestId, reason);
      end(requestId);
      return released;
    },
    allEnded: () => until(() => open.size === 0),
    granted: (holds) => until(() => grants >= holds),
    fail: (call, times) => void failures.set(call, times),
    hang(call) {
      let go: () => void = () => undefined;
      hanging.set(call, new Promise((resolve) => (go = resolve)));
      return () => {
        hanging.delete(call);
        go();
      };
    },
  };
}
