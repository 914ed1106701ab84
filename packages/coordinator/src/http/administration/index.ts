import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { adminMoneyRoutes } from "./money-routes.js";
import { adminUserRoutes } from "./user-routes.js";

export { administered, adminRequestOf, IDEMPOTENCY_KEY } from "./admin-change.js";
export { creditAnswer, pricingAnswer, rewardAnswer } from "./money-routes.js";
export { feeAnswer, mergeAnswer, roleAnswer, userLedger, userTable, userUpdated } from "./user-routes.js";

/** What operators see and do about accounts and their money. */
export function administrationRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...adminMoneyRoutes(dependencies), ...adminUserRoutes(dependencies)];
}
