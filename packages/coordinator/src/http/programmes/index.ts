import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { inviteRoutes } from "./invite-routes.js";
import { referralRoutes } from "./referral-routes.js";

export { inviteEnded, inviteObject, inviteTable } from "./invite-routes.js";

/** What brings people to the network: invite codes and referrals. */
export function programmeRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...inviteRoutes(dependencies), ...referralRoutes(dependencies)];
}
