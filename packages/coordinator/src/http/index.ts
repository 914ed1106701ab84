export type { HttpDependencies } from "./dependencies.js";
export { startOperatorServer } from "./operator-server.js";
export { createHttpServer, type HttpServer } from "./server.js";
