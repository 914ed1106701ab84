import type { HttpDependencies } from "../dependencies.js";
import type { Drain } from "../drain.js";
import type { Route } from "../route.js";
import { drainRoute } from "./drain-route.js";
import { utilizationObject, utilizationOf } from "./utilization.js";

/** What only the operator may read or do. Sources: api.md §3.5, §4; routing.md §17. */
export function adminRoutes(dependencies: HttpDependencies, drain: Drain): readonly Route[] {
  return [
    drainRoute(dependencies, drain),
    {
      method: "GET",
      url: "/v1/admin/utilization",
      access: "admin",
      doc: { tag: "Operator", summary: "How much of the network's capacity is in use", answer: utilizationObject },
      handle: async () => utilizationOf(dependencies),
    },
  ];
}
