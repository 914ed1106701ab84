/**
 * Why a signature or a device key was refused. `signature`: not by this key, or the bytes changed. `purpose`: signed for something else.
 * `version`: a later form. `claims`: the signed content has the wrong shape.
 */
export type SignatureErrorCode = "invalid_key" | "malformed" | "signature" | "purpose" | "version" | "claims";

export class SignatureError extends Error {
  override readonly name = "SignatureError";
  constructor(readonly code: SignatureErrorCode) {
    super(`signature refused: ${code}`);
  }
}
