export { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
export { createAdministration } from "./administration/index.js";
export * from "./administration/types.js";
export { createAccounts } from "./create-accounts.js";
export * from "./data-rights/index.js";
export { type CodeState, createDeviceLinking, DEVICE_LIMITS, type DeviceLinking } from "./device-linking.js";
export * from "./invites/index.js";
export {
  createPublishingKeys,
  PUBLISHING_LIMITS,
  PUBLISHING_SCOPES,
  type PublishingKeyRecord,
  type PublishingKeys,
  type PublishingScope,
} from "./publishing-keys.js";
export * from "./referrals/index.js";
export { ACCOUNT_LIMITS } from "./rules.js";
export { isPublishingKey } from "./secrets.js";
export { createSessions, isSessionToken, SESSION_LIMITS } from "./sessions.js";
export * from "./types.js";
