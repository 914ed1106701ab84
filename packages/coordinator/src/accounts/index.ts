export { AccountsError, AccountsUnavailableError } from "./accounts-error.js";
export { createAdministration } from "./administration/index.js";
export * from "./administration/types.js";
export * from "./attempts/index.js";
export { createAccounts } from "./create-accounts.js";
export * from "./data-rights/index.js";
export { type CodeState, createDeviceLinking, DEVICE_LIMITS, type DeviceLinking } from "./device-linking.js";
export * from "./invites/index.js";
export { createExternalIssuers } from "./issuers/external-issuers.js";
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
export { isPublishingKey, isSessionToken } from "./secrets.js";
export { createSessions, SESSION_LIMITS } from "./sessions.js";
export { createSignIn } from "./sign-in/create-sign-in.js";
export { createPeopleMail, type PeopleMail } from "./sign-in/letters.js";
export { createMailer, type Mail, smtpDelivery } from "./sign-in/mailer.js";
export { createPeople, type People } from "./sign-in/people.js";
export { createPersonSessions, type PersonSessions } from "./sign-in/person-sessions.js";
export type { Registration, SignIn, SignInProvider } from "./sign-in/types.js";
export * from "./types.js";
