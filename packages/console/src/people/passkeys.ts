import {
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  startAuthentication,
  startRegistration,
} from "@simplewebauthn/browser";
import { ask } from "./auth-api.js";

/** @throws Refusal, or what the browser says when somebody thinks better of it */
export async function signInWithPasskey(): Promise<void> {
  const optionsJSON = await ask<PublicKeyCredentialRequestOptionsJSON>("GET", "/api/auth/passkey/generate-authenticate-options");
  await ask("POST", "/api/auth/passkey/verify-authentication", { response: await startAuthentication({ optionsJSON }) });
}

/** @throws Refusal, or what the browser says when somebody thinks better of it */
export async function addPasskey(name: string): Promise<void> {
  const optionsJSON = await ask<PublicKeyCredentialCreationOptionsJSON>("GET", "/api/auth/passkey/generate-register-options");
  await ask("POST", "/api/auth/passkey/verify-registration", { name, response: await startRegistration({ optionsJSON }) });
}
