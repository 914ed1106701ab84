export {
  type ChallengeClaims,
  challengeClaims,
  type RegistrationClaims,
  type ReleaseClaims,
  registrationClaims,
  type UsageReceipt,
  usageReceipt,
} from "./claims.js";
export { type DeviceKeyPair, deviceThumbprint, generateDeviceKey, importDeviceKey } from "./device-key.js";
export { SignatureError, type SignatureErrorCode } from "./errors.js";
export { type ClaimsOf, type SignaturePurpose, signClaims, verifyClaims, verifyClaimsByAny } from "./signed-claims.js";
