export { actorOf, admitPublisher, publishingKeyOf, requireScope } from "./publishing-gate.js";
export { issuedPublishingKey, publishingKeyRoutes, publishingKeyTable, revokedPublishingKey } from "./publishing-key-routes.js";
