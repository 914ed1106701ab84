export { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
export { createAccounts } from "./create-accounts.js";
export * from "./types.js";
