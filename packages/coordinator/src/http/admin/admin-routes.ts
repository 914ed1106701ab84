import type { HttpDependencies } from "../dependencies.js";
import type { Drain } from "../drain.js";
import { sinceOf } from "../lists/browse-limits.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { calibrationObject, calibrationOf, calibrationQuery } from "./calibration.js";
import { drainRoute } from "./drain-route.js";
import { settingsObject, settingsOf } from "./settings.js";
import { utilizationObject, utilizationOf } from "./utilization.js";
import { versionFloorRoutes } from "./version-floor.js";

/** What only the operator may read or do. Sources: api.md §3.5, §4; routing.md §17. */
export function adminRoutes(dependencies: HttpDependencies, drain: Drain): readonly Route[] {
  return [
    drainRoute(dependencies, drain),
    ...versionFloorRoutes(dependencies),
    {
      method: "GET",
      url: "/v1/admin/utilization",
      access: "admin",
      doc: { tag: "Operator", summary: "How much of the network's capacity is in use", answer: utilizationObject },
      handle: async () => utilizationOf(dependencies),
    },
    {
      method: "GET",
      url: "/v1/admin/settings",
      access: "admin",
      doc: { tag: "Operator", summary: "The settings in effect, and where each comes from; secrets are not shown", answer: settingsObject },
      handle: async () => settingsOf(dependencies),
    },
    {
      method: "GET",
      url: "/v1/admin/calibration",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "What answers took, beside what routing had expected",
        parameters: [{ name: "since", in: "query", description: "A duration such as 24h or 7d, or a time; 24h unless it says otherwise." }],
        answer: calibrationObject,
        errors: [400],
      },
      async handle(request) {
        const since = sinceOf(queryOf(request, calibrationQuery).since, dependencies.clock.date());
        return calibrationOf(await dependencies.decisions.calibration(since), since);
      },
    },
  ];
}
