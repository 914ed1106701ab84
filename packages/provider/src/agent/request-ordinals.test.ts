import { requestId, WIRE_LIMITS } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { RequestOrdinals } from "./request-ordinals.js";

const idOf = (number: number) => requestId.parse(`5f0c9a52-6a3a-4b3e-9d0c-${String(number).padStart(12, "0")}`);
const slotOf = (model: string) => ({
  ...{ model, state: "running" as const, num_running: 0, num_waiting: 0, max_concurrency: 4 },
  ...{ active_tokens: 0, token_budget_used: 0, token_budget_max: 100 },
});

/** The worker's figures after so many requests. */
function figures(received: number, open: readonly number[], counted: readonly number[] = []) {
  return {
    slots: [slotOf("a"), slotOf("b")],
    requests: {
      received,
      open: open.map(idOf),
      counted: counted.map((number) => ({ id: idOf(number), build: "a", tokens: 10, places: 1 })),
    },
  };
}

function setUp(...ordinals: (number | undefined)[]) {
  const requests = new RequestOrdinals();
  for (const [index, ordinal] of ordinals.entries()) requests.given(idOf(index + 1), ordinal, index + 1);
  const named = (...state: Parameters<typeof figures>) => {
    const { slots, requests_seen, requests_held } = requests.named(figures(...state));
    return { seen: requests_seen, held: requests_held, slots: slots.map((slot) => slot.requests?.map(({ ordinal }) => ordinal)) };
  };
  return { requests, named };
}

describe("the requests that figures count, in the coordinator's numbers", () => {
  it("are those that the worker knew of when it took them", () => {
    const { named } = setUp(1, 3, 4);
    expect(named(0, [])).toEqual({ seen: 0, held: [], slots: [[], []] });
    expect(named(2, [1, 2], [1])).toEqual({ seen: 3, held: [3], slots: [[1], []] });
    expect(named(3, [2, 3], [2, 3])).toEqual({ seen: 4, held: [], slots: [[3, 4], []] });
  });

  it("hold one that has ended since, until newer figures do not", () => {
    const { requests, named } = setUp(1);
    requests.over(idOf(1));
    expect(named(1, [1], [1]).slots).toEqual([[1], []]);
    expect(named(1, []).slots).toEqual([[], []]);
    expect(named(1, [1], [1]).slots).toEqual([[], []]);
  });

  it("do not hold what is not the coordinator's: the machine's own, of an earlier connection, or told to be over", () => {
    const { requests, named } = setUp(1);
    expect(named(1, [1, 9], [1, 9]).slots).toEqual([[1], []]);
    requests.disown(idOf(1));
    expect(named(1, [1], [1])).toEqual({ seen: 1, held: [], slots: [[], []] });
    requests.lost();
    requests.given(idOf(2), 1, 2);
    expect(named(1, [1], [1])).toEqual({ seen: 0, held: [], slots: [[], []] });
    expect(named(2, [1, 2], [1, 2])).toEqual({ seen: 1, held: [], slots: [[1], []] });
  });

  it("begin anew with another worker", () => {
    const { requests, named } = setUp(1, 2);
    requests.lost();
    requests.given(idOf(3), 1, 1);
    expect(named(0, []).seen).toBe(0);
    expect(named(1, [3], [3])).toEqual({ seen: 1, held: [], slots: [[1], []] });
  });

  it("are not those of an earlier attempt under the same id", () => {
    const { requests, named } = setUp(1);
    requests.over(idOf(1));
    requests.given(idOf(1), 2, 2);
    expect(named(1, [1], [1])).toEqual({ seen: 1, held: [], slots: [[], []] });
  });

  it("are not told to a coordinator that does not number them, nor where they are too many", () => {
    const silent = { seen: undefined, held: undefined, slots: [undefined, undefined] };
    expect(setUp(undefined).named(1, [1], [1])).toEqual(silent);
    const numbers = Array.from({ length: WIRE_LIMITS.namedRequests_max + 1 }, (_, index) => index + 1);
    const { named } = setUp(...numbers);
    expect(named(numbers.length, numbers, numbers)).toEqual(silent);
    expect(named(numbers.length, numbers)).toEqual(silent);
    expect(named(numbers.length, numbers, numbers.slice(1)).seen).toBe(numbers.length);
  });
});
