export * from "./create-attempts.js";
