import { describe, expect, it } from "vitest";
import { select } from "../select.js";
import { providerView, requestSpec, routingContext } from "../testing/fixtures.js";
import { LOAD_COOLDOWN_MS, loadCooldown } from "./load-cooldown.js";
import {
  CLOSED_NODE_BREAKER,
  NODE_BREAKER_LIMITS,
  type NodeBreaker,
  type NodeBreakerEvent,
  nodeBreaker,
  nodeBreakerPhase,
  nodeBreakerRefusesUntil_ms,
} from "./node-breaker.js";

const T0 = 50_000_000;
const { cooldown_ms, cooldown_ms_max, faultsInARow_max, probe_ms_max, forget_ms } = NODE_BREAKER_LIMITS;

function after(events: readonly NodeBreakerEvent[], from: NodeBreaker = CLOSED_NODE_BREAKER, at_ms = T0, step_ms = 0): NodeBreaker {
  return events.reduce((state, event, index) => nodeBreaker(state, event, at_ms + index * step_ms), from);
}
const times = (count: number, event: NodeBreakerEvent): NodeBreakerEvent[] => new Array<NodeBreakerEvent>(count).fill(event);
const opened = () => after(times(faultsInARow_max, "fault"));

describe("the machine's breaker", () => {
  it("opens at the fifth fault in a row, for a minute", () => {
    expect(nodeBreakerPhase(after(times(4, "fault")), T0)).toBe("closed");
    expect(nodeBreakerRefusesUntil_ms(opened())).toBe(T0 + cooldown_ms);
    expect(nodeBreakerPhase(opened(), T0 + cooldown_ms - 1)).toBe("open");
    expect(nodeBreakerPhase(opened(), T0 + cooldown_ms)).toBe("half_open");
  });

  it("starts the count anew after a success, but not after something neutral", () => {
    expect(after([...times(4, "fault"), "success", ...times(4, "fault")]).openUntil_ms).toBe(0);
    expect(after([...times(4, "fault"), "neutral", "fault"]).openUntil_ms).toBe(T0 + cooldown_ms);
  });

  it("is open before more than four of five among twenty outcomes are faults, wherever the other three stand", () => {
    const opens = (successes: readonly number[]) => {
      let state = CLOSED_NODE_BREAKER;
      for (let i = 0; i < 20 && state.openUntil_ms === 0; i++) state = nodeBreaker(state, successes.includes(i) ? "success" : "fault", T0);
      return state.openUntil_ms > 0;
    };
    for (let a = 0; a < 20; a++) {
      for (let b = a; b < 20; b++) {
        for (let c = b; c < 20; c++) if (!opens([a, b, c])) expect.unreachable(`successes at ${a}, ${b}, ${c}`);
      }
    }
  });

  it("does not rest longer for faults of requests that were under way", () => {
    expect(after(times(3, "fault"), opened(), T0 + 10).openUntil_ms).toBe(T0 + cooldown_ms);
  });

  it("rests twice as long after each failed probe, five minutes at most", () => {
    let state = opened();
    const rests: number[] = [];
    for (let i = 0; i < 4; i++) {
      const at_ms = state.openUntil_ms;
      state = nodeBreaker(state, "fault", at_ms);
      rests.push(state.openUntil_ms - at_ms);
    }
    expect(rests).toEqual([2 * cooldown_ms, 4 * cooldown_ms, cooldown_ms_max, cooldown_ms_max]);
  });

  it("closes and forgets its trips at the first success", () => {
    const again = after(["fault"], opened(), T0 + cooldown_ms);
    const closed = after(["success"], again, T0 + 10 * cooldown_ms);
    expect(nodeBreakerPhase(closed, T0 + 10 * cooldown_ms)).toBe("closed");
    expect(nodeBreakerRefusesUntil_ms(after(times(5, "fault"), closed, T0 + 10 * cooldown_ms))).toBe(T0 + 11 * cooldown_ms);
  });

  it("is forgotten after a day of silence", () => {
    const late_ms = T0 + forget_ms + 1;
    expect(nodeBreaker(after(times(4, "fault")), "fault", late_ms)).toMatchObject({ faultsInARow: 1, openUntil_ms: 0 });
  });
});

describe("half-open", () => {
  const at_ms = T0 + cooldown_ms;
  /** Requests placed one after another while none has ended: how many find the machine. */
  const placed = (state: NodeBreaker, attempts: number): number => {
    const healthy = providerView();
    let current = state;
    let count = 0;
    for (let i = 0; i < attempts; i++) {
      const view = { ...healthy, breakerOpenUntil_ms: nodeBreakerRefusesUntil_ms(current) };
      if (select([view], requestSpec(), routingContext({ now_ms: at_ms, challengeFreshness_ms: at_ms })).failedOpen) continue;
      current = nodeBreaker(current, "reserved", at_ms);
      count++;
    }
    return count;
  };

  it("admits one probe at a time, not a stampede", () => {
    expect(placed(opened(), 10)).toBe(1);
    expect(placed(CLOSED_NODE_BREAKER, 10)).toBe(10);
  });

  it("admits another when the probe ended without telling anything", () => {
    expect(placed(after(["reserved", "neutral"], opened(), at_ms), 10)).toBe(1);
  });

  it("admits another when the probe has not ended within its time", () => {
    const probing = nodeBreaker(opened(), "reserved", at_ms);
    expect(nodeBreakerRefusesUntil_ms(probing)).toBe(at_ms + probe_ms_max);
    expect(nodeBreaker(probing, "reserved", at_ms + 1)).toBe(probing);
    expect(nodeBreakerRefusesUntil_ms(nodeBreaker(probing, "reserved", at_ms + probe_ms_max))).toBe(at_ms + 2 * probe_ms_max);
  });

  it("counts no probe while closed or open", () => {
    expect(nodeBreaker(CLOSED_NODE_BREAKER, "reserved", T0)).toMatchObject({ probeUntil_ms: 0 });
    expect(nodeBreaker(opened(), "reserved", T0 + 1).probeUntil_ms).toBe(0);
  });
});

describe("load cooldown", () => {
  it("lasts two minutes from the last failure", () => {
    const first = loadCooldown(0, "load_failed", 1000);
    expect(first).toBe(1000 + LOAD_COOLDOWN_MS);
    expect(loadCooldown(first, "load_failed", 5000)).toBe(5000 + LOAD_COOLDOWN_MS);
  });

  it("ends with a request that went well", () => {
    expect(loadCooldown(999_999, "completed", 1000)).toBe(0);
  });
});
