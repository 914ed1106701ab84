import type { Location } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import type { ServedBetween } from "../../insight/index.js";
import { flowsOf, LOCATION_LIMITS, locationsOf } from "./locations.js";

const at = (country: string, city?: string): Location => ({ country, ...(city !== undefined && { city }) });
const times = (count: number, place: Location): Location[] => Array.from({ length: count }, () => place);
const to = (place: Location, answers: number, from?: string): ServedBetween => ({ from, to: place, answers });

const BERLIN = at("DE", "Berlin");
const BONN = at("DE", "Bonn");

describe("where machines stand", () => {
  it.each<[string, Location[], ServedBetween[], object[]]>([
    ["nothing of nobody", [], [], []],
    [
      "a city of two machines and five requests",
      times(2, BERLIN),
      [to(BERLIN, 3), to(BERLIN, 2, "FR")],
      [{ country: "DE", city: "Berlin", providers: 2, requests: 5 }],
    ],
    ["no city of fewer requests", times(2, BERLIN), [to(BERLIN, 4)], [{ country: "DE", city: null, providers: 2, requests: 4 }]],
    ["no city of one machine", [BERLIN, BONN], [to(BERLIN, 9)], [{ country: "DE", city: null, providers: 2, requests: 9 }]],
    [
      "no city beside which one machine would be left",
      [...times(2, BERLIN), BONN],
      [to(BERLIN, 9), to(BONN, 1)],
      [{ country: "DE", city: null, providers: 3, requests: 10 }],
    ],
    [
      "cities beside which several are left",
      [...times(2, BERLIN), BONN, at("DE")],
      [to(BERLIN, 9), to(BONN, 1)],
      [
        { country: "DE", city: "Berlin", providers: 2, requests: 9 },
        { country: "DE", city: null, providers: 2, requests: 1 },
      ],
    ],
    [
      "countries of one machine together",
      [at("FR"), at("JP", "Kyoto")],
      [to(at("FR"), 100), to(at("JP", "Kyoto"), 1)],
      [{ country: "other", city: null, providers: 2, requests: 101 }],
    ],
    ["nothing of one machine alone", [at("FR"), ...times(2, at("DE"))], [], [{ country: "DE", city: null, providers: 2, requests: 0 }]],
    ["nothing of machines that have left", [], [to(BERLIN, 100)], []],
  ])("shows %s", (_, machines, served, expected) => {
    expect(locationsOf(machines, served)).toEqual(expected);
  });
});

describe("from where to where answers went", () => {
  it("is shown between countries, from five on, to where several machines are", () => {
    const machines = [...times(2, BERLIN), at("JP")];
    const served = [to(BERLIN, 3, "FR"), to(BONN, 2, "FR"), to(BERLIN, 4, "IT"), to(BERLIN, 9), to(at("JP"), 9, "FR"), to(BERLIN, 6, "AT")];
    expect(flowsOf(machines, served)).toEqual([
      { from: "AT", to: "DE", requests: 6 },
      { from: "FR", to: "DE", requests: 5 },
    ]);
  });

  it("is shown for so many at most", () => {
    const served = Array.from({ length: 30 }, (_, number) => to(BERLIN, 5 + number, `${String.fromCharCode(65 + number)}X`));
    const flows = flowsOf(times(2, BERLIN), served);
    expect(flows).toHaveLength(LOCATION_LIMITS.flows_max);
    expect(flows[0]?.requests).toBe(34);
  });
});
