import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestSpec } from "../testing/fixtures.js";
import { FairLane, QUANTUM_tokens, type Verdict } from "./fair-lane.js";
import { turn_tokens, type Waiter } from "./waiter.js";

interface Named extends Waiter {
  readonly name: string;
}

function waiter(accountId: string, name: string, tokens = 1_000, change: Parameters<typeof requestSpec>[0] = {}): Named {
  return {
    name,
    spec: requestSpec({ accountId, promptTokens: 0, maxOutputTokens: tokens, ...change }),
    deadline_ms: Number.POSITIVE_INFINITY,
    isRetry: false,
  };
}

/** Serves so many, whoever they are. */
function places(count: number, served: Named[]): (waiter: Named) => Verdict {
  let left = count;
  return (next) => {
    if (left === 0) return "unserved";
    left -= 1;
    served.push(next);
    return "served";
  };
}

function lineOf(...waiters: Named[]): FairLane<Named> {
  const lane = new FairLane<Named>();
  for (const each of waiters) lane.add(each);
  return lane;
}

const names = (waiters: readonly Named[]): string[] => waiters.map(({ name }) => name);

describe("a fair lane", () => {
  it("serves one account's requests in the order in which they came", () => {
    const served: Named[] = [];
    lineOf(waiter("a", "1"), waiter("a", "2"), waiter("a", "3")).offer(places(2, served));
    expect(names(served)).toEqual(["1", "2"]);
  });

  it("lets an account with one request go soon, however many another has", () => {
    const crowd = Array.from({ length: 100 }, (_, number) => waiter("crowd", `crowd ${number}`, QUANTUM_tokens));
    const lane = lineOf(...crowd, waiter("other", "only", QUANTUM_tokens));
    const served: Named[] = [];
    lane.offer(places(2, served));
    expect(names(served)).toContain("only");
  });

  it("weighs turns by tokens: short requests go more often than long ones", () => {
    const lane = lineOf(
      ...Array.from({ length: 40 }, (_, number) => waiter("long", `long ${number}`, 4 * QUANTUM_tokens)),
      ...Array.from({ length: 40 }, (_, number) => waiter("short", `short ${number}`, QUANTUM_tokens)),
    );
    const served: Named[] = [];
    for (let place = 0; place < 20; place += 1) lane.offer(places(1, served));
    expect(served.filter(({ name }) => name.startsWith("short"))).toHaveLength(16);
  });

  it("passes over a request that no free place suits, within its account and among accounts", () => {
    const picky = waiter("a", "picky", 1_000, { needsVision: true });
    const lane = lineOf(picky, waiter("a", "plain"), waiter("b", "other"));
    const served: Named[] = [];
    lane.offer((next) => {
      if (next === picky) return "unserved";
      served.push(next);
      return "served";
    });
    expect(names(served)).toEqual(["plain", "other"]);
    expect([...lane.waiters()]).toEqual([picky]);
  });

  it("asks for one of many alike when there is no place", () => {
    const lane = lineOf(...Array.from({ length: 500 }, (_, number) => waiter(`account ${number % 50}`, `${number}`)));
    let asked = 0;
    lane.offer(() => {
      asked += 1;
      return "unserved";
    });
    expect(asked).toBe(1);
    expect(lane.size).toBe(500);
  });

  it("lets nobody save up turns while nothing would suit it", () => {
    const lane = lineOf(
      ...Array.from({ length: 50 }, (_, number) => waiter("blocked", `blocked ${number}`, QUANTUM_tokens, { needsVision: true })),
      ...Array.from({ length: 100 }, (_, number) => waiter("plain", `plain ${number}`, QUANTUM_tokens)),
    );
    const served: Named[] = [];
    for (let place = 0; place < 40; place += 1) {
      const serve = places(1, served);
      lane.offer((next) => (next.spec.needsVision ? "unserved" : serve(next)));
    }
    served.length = 0;
    for (let place = 0; place < 20; place += 1) lane.offer(places(1, served));
    expect(served.filter(({ name }) => name.startsWith("blocked")).length).toBeLessThanOrEqual(11);
  });

  it("takes out whoever no place will ever do for, at nobody's cost", () => {
    const lane = lineOf(waiter("a", "hopeless", 1_000_000), waiter("a", "plain"));
    const served: Named[] = [];
    lane.offer((next) => {
      if (next.name === "hopeless") return "hopeless";
      served.push(next);
      return "served";
    });
    expect(names(served)).toEqual(["plain"]);
    expect(lane.size).toBe(0);
  });

  const step = fc.oneof(
    fc.record({ join: fc.record({ account: fc.nat({ max: 4 }), tokens: fc.integer({ min: 1, max: 40_000 }), picky: fc.boolean() }) }),
    fc.record({ leave: fc.nat() }),
    fc.record({ places: fc.nat({ max: 5 }), forPicky: fc.boolean() }),
  );

  it("loses nobody, serves nobody twice, and keeps the order within an account among those alike", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const lane = new FairLane<Named>();
        const waiting: Named[] = [];
        const ended = new Set<Named>();
        let joined = 0;
        for (const each of steps) {
          if ("join" in each) {
            const { account, tokens, picky } = each.join;
            const next = waiter(`account ${account}`, String(joined), tokens, { needsVision: picky });
            joined += 1;
            waiting.push(next);
            lane.add(next);
          } else if ("leave" in each) {
            const gone = waiting.splice(each.leave % Math.max(1, waiting.length), 1)[0];
            if (gone === undefined) continue;
            expect(lane.remove(gone)).toBe(true);
            expect(lane.remove(gone)).toBe(false);
            ended.add(gone);
          } else {
            let left = each.places;
            lane.offer((next) => {
              if (left === 0 || (next.spec.needsVision && !each.forPicky)) return "unserved";
              left -= 1;
              expect(ended.has(next)).toBe(false);
              const alike = (other: Named) =>
                other.spec.accountId === next.spec.accountId && (each.forPicky || other.spec.needsVision === next.spec.needsVision);
              expect(waiting.find(alike)).toBe(next);
              waiting.splice(waiting.indexOf(next), 1);
              ended.add(next);
              return "served";
            });
            // Places are left only when nobody suits them.
            if (left > 0) expect(waiting.filter(({ spec }) => each.forPicky || !spec.needsVision)).toEqual([]);
          }
          expect(new Set(lane.waiters())).toEqual(new Set(waiting));
          expect(lane.size).toBe(waiting.length);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("serves accounts that keep waiting the same tokens, but for a few turns, whatever they ask for", () => {
    const most_tokens = 40_000;
    const costs = fc.array(fc.integer({ min: 1, max: most_tokens }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        fc.array(costs, { minLength: 2, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 30, maxLength: 60 }),
        (asks, frees) => {
          const lane = new FairLane<Named>();
          const served_tokens = asks.map(() => 0);
          const next = asks.map(() => 0);
          const refill = (account: number): void => {
            while (lane.of(`account ${account}`) < 6) {
              const own = asks[account] ?? [];
              const turn = next[account] ?? 0;
              next[account] = turn + 1;
              lane.add(waiter(`account ${account}`, "", own[turn % own.length] ?? 1));
            }
          };
          for (const free of frees) {
            for (const account of asks.keys()) refill(account);
            let left = free;
            lane.offer((ask) => {
              if (left === 0) return "unserved";
              left -= 1;
              const account = Number(ask.spec.accountId.slice("account ".length));
              served_tokens[account] = (served_tokens[account] ?? 0) + turn_tokens(ask);
              return "served";
            });
            expect(Math.max(...served_tokens) - Math.min(...served_tokens)).toBeLessThanOrEqual(most_tokens + 3 * QUANTUM_tokens);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
