/** For tests of other packages: a catalogue with files behind it, and models to put there. */
export { type CatalogServer, smallLlama, startCatalogServer, startRangeServer, writeGguf } from "./models/testing/index.js";
