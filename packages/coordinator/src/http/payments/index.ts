import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { chainRoutes } from "./chain-routes.js";
import { depositRoutes } from "./deposit-routes.js";
import { webhookRoutes } from "./webhook-routes.js";
import { withdrawalRoutes } from "./withdrawal-routes.js";

/** Money in and out. */
export function paymentRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...depositRoutes(dependencies), ...withdrawalRoutes(dependencies), ...chainRoutes(dependencies), ...webhookRoutes(dependencies)];
}
