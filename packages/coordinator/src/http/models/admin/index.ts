import type { HttpDependencies } from "../../dependencies.js";
import type { Route } from "../../route.js";
import { aliasRoutes } from "./alias-routes.js";
import { auditRoute } from "./audit-route.js";
import { buildRoutes } from "./build-routes.js";

/** What operators do to the catalogue. */
export function catalogAdminRoutes(dependencies: HttpDependencies): readonly Route[] {
  return [...aliasRoutes(dependencies), ...buildRoutes(dependencies), auditRoute(dependencies)];
}
