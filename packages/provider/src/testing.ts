/** For tests of other packages: a catalogue with files behind it, and models to put there. */
export { smallLlama, writeGguf } from "./models/gguf/testing/index.js";
export { type CatalogServer, startCatalogServer } from "./models/testing/catalog-server.js";
