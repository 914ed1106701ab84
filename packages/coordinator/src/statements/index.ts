export { createStatements } from "./create-statements.js";
export { entryName } from "./entry-names.js";
export { statementPdf } from "./statement-pdf.js";
export * from "./types.js";
