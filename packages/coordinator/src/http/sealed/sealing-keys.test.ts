import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createSealingKeys } from "./sealing-keys.js";

const HOUR_ms = 3_600_000;

function start(rotation_ms: number) {
  const clock = createFakeClock();
  const keys = createSealingKeys({ clock, supplier: nativeCrypto, rotation_ms });
  return { clock, kids: async () => (await keys.accepted()).map(({ kid }) => kid) };
}

describe("sealing keys", () => {
  it("are one key until it rotates", async () => {
    const { clock, kids } = start(24 * HOUR_ms);
    const [first] = await kids();
    await clock.advance(24 * HOUR_ms - 1);
    expect(await kids()).toEqual([first]);
  });

  it("are the new key and the previous one after a rotation, and the new one alone a day later", async () => {
    const { clock, kids } = start(100 * HOUR_ms);
    const [first] = await kids();
    await clock.advance(100 * HOUR_ms);
    const [second, previous, ...more] = await kids();
    expect([previous, ...more]).toEqual([first]);
    expect(second).not.toBe(first);
    await clock.advance(24 * HOUR_ms - 1);
    expect(await kids()).toEqual([second, first]);
    await clock.advance(1);
    expect(await kids()).toEqual([second]);
  });

  it("are never more than two, however often they rotate", async () => {
    const { clock, kids } = start(HOUR_ms);
    const seen = new Set<string>();
    for (let minutes = 0; minutes < 600; minutes += 7) {
      const now = await kids();
      expect(now.length).toBeLessThanOrEqual(2);
      for (const kid of now) seen.add(kid);
      await clock.advance(7 * 60_000);
    }
    expect(seen.size).toBeGreaterThan(8);
  });

  it("all expire when nobody asks for long", async () => {
    const { clock, kids } = start(HOUR_ms);
    const [first] = await kids();
    await clock.advance(50 * HOUR_ms);
    const now = await kids();
    expect(now).toHaveLength(1);
    expect(now).not.toContain(first);
  });

  it("are made once for all who ask at once", async () => {
    const { kids } = start(HOUR_ms);
    const all = await Promise.all(Array.from({ length: 8 }, kids));
    expect(new Set(all.map(String)).size).toBe(1);
  });
});
