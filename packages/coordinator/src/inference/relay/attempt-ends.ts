import type { DispatchEffect, DispatchEvent, FailureClass } from "@umbel/routing";

/** How one attempt ended before it showed anything: it failed, or the other machine spoke first. */
export type AttemptEnd = { readonly racer: number } & (
  | { readonly failure: FailureClass }
  | { readonly failure: undefined; readonly winner: number }
);

/** The attempts that one step of dispatch has ended before they showed anything; none that was given up for the consumer. */
export function attemptEnds(event: DispatchEvent, effects: readonly DispatchEffect[]): readonly AttemptEnd[] {
  const commit = effects.find((effect) => effect.type === "commit");
  const released = effects.flatMap((effect) => (effect.type === "release" ? [effect.racer] : []));
  if (commit?.type === "commit") {
    const winner = commit.racer;
    return released.filter((racer) => racer !== winner).map((racer) => ({ racer, failure: undefined, winner }));
  }
  const failure = failureOf(event);
  const [racer] = released;
  // What follows the first is sent away with it, because the fault lies in the request.
  if (failure === undefined || racer === undefined || effects.some(({ type }) => type === "settle")) return [];
  return [{ racer, failure }];
}

function failureOf(event: DispatchEvent): FailureClass | undefined {
  switch (event.type) {
    case "failed":
      return event.failure;
    case "tick":
      return "timeout";
    case "preamble":
    case "overflow":
      return "protocol_violation";
    default:
      return undefined;
  }
}
