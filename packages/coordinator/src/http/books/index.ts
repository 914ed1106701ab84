import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { earningRoutes } from "./earning-routes.js";
import { moneyHealthRoute } from "./health-route.js";
import { ownPriceRoutes } from "./price-routes.js";
import { usageRoutes } from "./usage-routes.js";

/** What the books say: prices, usage, earnings. */
export function bookRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...usageRoutes(dependencies), ...earningRoutes(dependencies), ...ownPriceRoutes(dependencies), moneyHealthRoute(dependencies)];
}
