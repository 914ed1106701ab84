import { expect, it } from "vitest";
import { simulateMoney } from "./simulate.js";

/** What every run can afford; `npm run simulate:money` plays ten thousand, and as many as one likes. */
const SEEDS = 150;

it(`books balance and words are kept, whatever kills, cuts off and misleads the process (${SEEDS} seeds)`, async () => {
  const { violations, kills, faults } = await simulateMoney({ from: 0, seeds: SEEDS });
  expect(violations).toEqual([]);
  expect(kills).toBeGreaterThan(SEEDS / 2);
  expect(faults).toBeGreaterThan(SEEDS);
}, 120_000);
