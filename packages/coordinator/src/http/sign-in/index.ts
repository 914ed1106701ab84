export { adminSignInRoutes } from "./admin-sign-in-routes.js";
export { authRoutes } from "./auth-routes.js";
export { isLocalOnly } from "./own-origins.js";
export { invitationList, issuedInvitation, peopleRoutes, revokedInvitation } from "./people-routes.js";
export { refuseForeignPage } from "./same-origin.js";
export { sessionRoutes } from "./session-routes.js";
export { byAddress, takeAll } from "./sign-in-attempts.js";
