export { type NetworkUtilization, utilizationOf } from "./admin/utilization.js";
export { createIdempotency, type IdempotencyStore } from "./idempotency/index.js";
export { type PublicKey, publicKey } from "./keys/key-schema.js";
export { startOperatorServer } from "./operator-server.js";
export { createSealing } from "./sealed/index.js";
export { createHttpServer, type ServedRoute } from "./server.js";
export { isLocalOnly } from "./sign-in/index.js";
