/** Why a provider could not be asked, or could not begin to listen. */
export type ControlErrorCode = "not_running" | "already_running" | "no_answer" | "refused";

export class ControlError extends Error {
  override readonly name = "ControlError";
  constructor(
    readonly code: ControlErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
