export { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
export { createAccounts } from "./create-accounts.js";
export { ACCOUNT_LIMITS } from "./rules.js";
export { createSessions, isSessionToken, SESSION_LIMITS } from "./sessions.js";
export * from "./types.js";
