import type { RegisterRejected } from "@umbel/protocol";

export type RegistrationErrorCode = Exclude<RegisterRejected["code"], "registration_closed">;

const advice: Readonly<Record<RegistrationErrorCode, string>> = {
  auth_token_invalid:
    "Link it again with `umbel provider login`, or start it with another token in UMBEL_PROVIDER_TOKEN (`umbel keys create --provider` makes one).",
  version_too_old: "Update Umbel on this machine.",
  invalid_attestation: "Check that this machine's clock is right. If its key was copied to another machine, delete the copy.",
  invalid_public_key: "Update Umbel on this machine: the coordinator does not read its keys.",
  invalid_message: "Update Umbel on this machine: the coordinator does not read its messages.",
};

/** The coordinator does not take this machine, and would not if asked again. The message says what to do. */
export class RegistrationError extends Error {
  override readonly name = "RegistrationError";
  constructor(
    readonly code: RegistrationErrorCode,
    /** The coordinator's own words. */
    readonly reason: string,
  ) {
    super(`The coordinator refused this machine (${code}: ${reason}). ${advice[code]}`);
  }
}

/** The error a refusal amounts to; undefined when it makes sense to ask again later. */
export function fatalRefusal(refusal: RegisterRejected): RegistrationError | undefined {
  return refusal.code === "registration_closed" ? undefined : new RegistrationError(refusal.code, refusal.reason);
}
