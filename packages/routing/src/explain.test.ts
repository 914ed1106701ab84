import { describe, expect, it } from "vitest";

import { explainDecision, explainProvider } from "./explain.js";
import { select } from "./select.js";
import { BUILD, NOW_MS, PLAIN_COST_PROFILE, providerView, requestSpec, routingContext, slots, slotView } from "./testing/fixtures.js";
import { REFUSAL_CASES } from "./testing/refusals.js";
import { REFUSAL_REASONS } from "./types.js";

describe("explaining a decision", () => {
  it("says who was chosen, what refused the others, and what the winner costs", () => {
    const fleet = [
      providerView({ id: "a" }),
      providerView({ id: "b" }),
      providerView({ id: "hot", thermal: "critical" }),
      providerView({ id: "full", slots: slots(slotView({ running: 8 })) }),
      providerView({ id: "full-too", slots: slots(slotView({ running: 9 })) }),
    ];
    expect(explainDecision(select(fleet, requestSpec(), routingContext({ random: () => 0.25 })))).toEqual([
      "2 of 5 machines could serve this request: a was chosen",
      "refused 2 machines (concurrency): the machine has every place taken; for now",
      "refused 1 machine (thermal_critical): the machine is too hot; for now",
      "2 machines were equal; the dice (0.25) chose",
      "its cost is 2.10 s, lower is better:",
      "  0.10 s prefill: reading this prompt",
      "  2.00 s decode: writing the longest answer this request allows",
      "its estimate to the first token: 0.12 s",
      `coefficients: version ${PLAIN_COST_PROFILE.version}`,
      "least estimate to the first token: 0.12 s",
    ]);
  });

  it("says that breakers were overlooked", () => {
    const decision = select([providerView({ breakerOpenUntil_ms: NOW_MS + 1 })], requestSpec(), routingContext());
    expect(explainDecision(decision)[0]).toBe(
      "1 of 1 machine could serve this request, and only by overlooking that it has failed lately: session-1 was chosen",
    );
  });

  it("says that nobody is there, or that nobody could serve", () => {
    expect(explainDecision(select([], requestSpec(), routingContext()))).toEqual(["no machine is connected"]);
    expect(explainDecision(select([providerView({ draining: true })], requestSpec(), routingContext()))).toEqual([
      "0 of 1 machine could serve this request",
      "refused 1 machine (draining): the machine is finishing its work and takes no more; for now",
    ]);
  });

  it("admits that an estimate is unknown", () => {
    const decision = select([providerView({ slots: undefined })], requestSpec(), routingContext());
    expect(explainDecision(decision)).toContain("its estimate to the first token: unknown, as it has not reported capacity");
  });
});

describe("explaining one machine", () => {
  it.each(REFUSAL_REASONS)("names %s in words", (reason) => {
    const { provider, spec, context } = REFUSAL_CASES[reason];
    const explanation = explainProvider(providerView(provider), requestSpec(spec), routingContext(context));
    expect(explanation).toMatchObject({ outcome: "refused", providerId: "session-1", reason });
    expect(explanation.lines[0]).toMatch(new RegExp(`^refused \\(${reason}\\): the machine .{8,}; .+`));
  });

  it("says when a refusal ends, where the gate knows", () => {
    const provider = providerView({ loadCooldownUntil_ms: new Map([[BUILD, NOW_MS + 90_000]]) });
    expect(explainProvider(provider, requestSpec(), routingContext())).toMatchObject({
      until_ms: NOW_MS + 90_000,
      lines: ["refused (load_cooldown): the machine failed to load this build a moment ago; for another 90.00 s"],
    });
  });

  it("gives the cost of one that may serve, as selection would", () => {
    const explanation = explainProvider(providerView(), requestSpec(), routingContext());
    expect(explanation).toMatchObject({
      outcome: "candidate",
      cost: select([providerView()], requestSpec(), routingContext()).winner,
    });
    expect(explanation.lines[0]).toBe("the machine may serve this request");
  });

  it("applies the gates of the profile asked for", () => {
    const provider = providerView({ breakerOpenUntil_ms: NOW_MS + 1 });
    expect(explainProvider(provider, requestSpec(), routingContext(), "preview").outcome).toBe("candidate");
  });
});
