import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { ownPriceRoutes } from "./price-routes.js";

/** What the books say: prices, usage, earnings. */
export function bookRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...ownPriceRoutes(dependencies)];
}
