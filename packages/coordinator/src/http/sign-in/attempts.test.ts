import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { createAttempts } from "./attempts.js";

describe("attempts to sign in", () => {
  const bench = () => {
    const clock = createFakeClock();
    const attempts = createAttempts(clock, { signInRate_perMinute: 5, signInRate_perHour: 20 });
    const isLet = (address: string, identifier?: string): boolean => {
      try {
        attempts.take({ address, identifier });
        return true;
      } catch {
        return false;
      }
    };
    return { clock, isLet };
  };
  const times = (count: number, act: (n: number) => boolean) => Array.from({ length: count }, (_, n) => act(n)).filter(Boolean).length;

  it("are five a minute of one address, for whomever they are", async () => {
    const { clock, isLet } = bench();
    expect(times(10, (n) => isLet("203.0.113.1", `user${n}@example.org`))).toBe(5);
    expect(isLet("203.0.113.2", "user@example.org")).toBe(true);
    await clock.advance(12_000);
    expect(times(3, () => isLet("203.0.113.1"))).toBe(1);
  });

  it("are five a minute for one e-mail address, from wherever they come and however it is written", () => {
    const { isLet } = bench();
    expect(times(10, (n) => isLet(`203.0.113.${n}`, n % 2 === 0 ? "Ada@example.org" : " ada@EXAMPLE.org"))).toBe(5);
  });

  it("are twenty an hour", async () => {
    const { clock, isLet } = bench();
    let let_in = 0;
    for (let minute = 0; minute < 10; minute++) {
      let_in += times(5, () => isLet("203.0.113.1"));
      await clock.advance(60_000);
    }
    // Twenty at once, and what an hour's worth grows back in ten minutes.
    expect(let_in).toBeGreaterThanOrEqual(20);
    expect(let_in).toBeLessThanOrEqual(24);
  });

  it("are not counted where they are refused", async () => {
    const { clock, isLet } = bench();
    times(50, () => isLet("203.0.113.1", "ada@example.org"));
    await clock.advance(60_000);
    expect(times(10, () => isLet("203.0.113.1"))).toBe(5);
  });
});
