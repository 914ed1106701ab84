import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createServedPlaces, SERVED_PLACES_LIMITS } from "./served-places.js";

const HOUR_ms = 3_600_000;

describe("answers by place", () => {
  it("count for a day, each pair of places by itself", async () => {
    const clock = createFakeClock();
    const places = createServedPlaces({ clock });
    places.served("FR", { country: "DE", city: "Berlin" });
    await clock.advance(HOUR_ms);
    places.served("FR", { country: "DE", city: "Berlin" });
    places.served(undefined, { country: "DE" });
    const berlin = { from: "FR", to: { country: "DE", city: "Berlin" } };
    const somewhere = { from: undefined, to: { country: "DE" }, answers: 1 };
    expect(places.lately()).toEqual([{ ...berlin, answers: 2 }, somewhere]);
    await clock.advance((SERVED_PLACES_LIMITS.hours - 1) * HOUR_ms);
    expect(places.lately()).toEqual([{ ...berlin, answers: 1 }, somewhere]);
    await clock.advance(HOUR_ms);
    expect(places.lately()).toEqual([]);
  });

  it("are not counted between more places than there can be", () => {
    const places = createServedPlaces({ clock: createFakeClock() });
    for (let city = 0; city < SERVED_PLACES_LIMITS.pairs_max + 5; city += 1) places.served(undefined, { country: "DE", city: `c${city}` });
    places.served(undefined, { country: "DE", city: "c0" });
    const counted = places.lately();
    expect(counted).toHaveLength(SERVED_PLACES_LIMITS.pairs_max);
    expect(counted[0]?.answers).toBe(2);
  });
});
