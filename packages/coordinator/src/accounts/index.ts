export { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
export { createAccounts } from "./create-accounts.js";
export { type CodeState, createDeviceLinking, DEVICE_LIMITS, type DeviceLinking } from "./device-linking.js";
export { ACCOUNT_LIMITS } from "./rules.js";
export { createSessions, isSessionToken, SESSION_LIMITS } from "./sessions.js";
export * from "./types.js";
