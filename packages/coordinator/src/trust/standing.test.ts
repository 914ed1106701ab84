import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterGoodAnswer, afterSilence, afterViolation, afterWrongAnswer, type Standing, UNPROVEN } from "./standing.js";

const ONLINE = afterGoodAnswer(UNPROVEN, 1000);

function times(count: number, step: (standing: Standing) => Standing, start: Standing): Standing {
  return Array.from({ length: count }).reduce<Standing>((standing) => step(standing), start);
}

const silence = (standing: Standing): Standing => afterSilence(standing, 3);
const wrong = (standing: Standing): Standing => afterWrongAnswer(standing, "nonce mismatch");

describe("the standing of a session", () => {
  it("begins unproven and without freshness", () => {
    expect(UNPROVEN).toMatchObject({ status: "unproven", challengedAt_ms: undefined });
  });

  it("is online from a good answer on", () => {
    expect(ONLINE).toMatchObject({ status: "online", challengedAt_ms: 1000 });
  });

  it("survives two silences, is suspended by the third, and regained by an answer", () => {
    expect(times(2, silence, ONLINE)).toMatchObject({ status: "online", challengedAt_ms: 1000 });
    const suspended = times(3, silence, ONLINE);
    expect(suspended).toMatchObject({ status: "suspended", challengedAt_ms: undefined });
    expect(afterGoodAnswer(suspended, 2000)).toMatchObject({ status: "online", challengedAt_ms: 2000, silent: 0 });
  });

  it("counts silences in a row only", () => {
    const answered = afterGoodAnswer(times(2, silence, ONLINE), 2000);
    expect(times(2, silence, answered)).toMatchObject({ status: "online" });
  });

  it("is suspended by one wrong answer and lost by the third in a row", () => {
    expect(wrong(ONLINE)).toMatchObject({ status: "suspended", challengedAt_ms: undefined });
    expect(times(2, wrong, ONLINE).status).toBe("suspended");
    expect(times(3, wrong, ONLINE)).toMatchObject({ status: "untrusted", reason: "nonce mismatch" });
    expect(times(2, wrong, afterGoodAnswer(times(2, wrong, ONLINE), 0)).status).toBe("suspended");
  });

  it("is not saved by silence between wrong answers", () => {
    expect(wrong(silence(wrong(silence(wrong(ONLINE)))))).toMatchObject({ status: "untrusted" });
  });

  it("is lost at once for an answer with another encryption key", () => {
    expect(afterWrongAnswer(ONLINE, "public key mismatch").status).toBe("untrusted");
  });

  it("never comes back from untrusted, whatever follows, and keeps the first reason", () => {
    const step = fc.constantFrom<(standing: Standing) => Standing>(
      (standing) => afterGoodAnswer(standing, 5),
      silence,
      wrong,
      (standing) => afterViolation(standing, "second"),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const end = steps.reduce((standing, apply) => apply(standing), afterViolation(ONLINE, "first"));
        return end.status === "untrusted" && end.reason === "first" && end.challengedAt_ms === undefined;
      }),
    );
  });
});
