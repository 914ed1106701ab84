export { smallLlama, writeGguf } from "../gguf/testing/index.js";
export { type CatalogServer, startCatalogServer } from "./catalog-server.js";
export { startRangeServer } from "./range-server.js";
