import { z } from "zod";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Drain } from "../drain.js";
import type { Route } from "../route.js";

const drainBody = z.strictObject({ draining: z.boolean().default(true) });
const drainObject = z.object({
  draining: z.boolean(),
  inflight: z.int().describe("Inference requests that are not over; never less than there are."),
});

/** Takes the coordinator out of service and back, without stopping it. Source: api.md §24. */
export function drainRoute(dependencies: HttpDependencies, drain: Drain): Route {
  return {
    method: "POST",
    url: "/v1/admin/drain",
    access: "admin",
    doc: {
      tag: "Operator",
      summary: "Refuse inference for a while, or take it again",
      description: "Without a body, or with `draining` true, inference is refused with 429 and readiness is 503; false undoes it.",
      request: drainBody,
      answer: drainObject,
      errors: [400, 408, 413, 415],
    },
    async handle(request) {
      const { draining } = await controlBody(request, drainBody, dependencies);
      drain.set(draining);
      return { draining: drain.isOn, inflight: dependencies.inference.inFlight() };
    },
  };
}
