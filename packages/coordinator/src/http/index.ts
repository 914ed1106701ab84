export { startOperatorServer } from "./operator-server.js";
export { createHttpServer } from "./server.js";
